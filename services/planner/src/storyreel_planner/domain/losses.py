"""What a film does without, said in its plan: skipped tiers, slower takes, moved cuts, other forms. Used by `composing`."""

from storyreel_contracts import Brief, ModelCard, PlannedShot, Tier
from storyreel_contracts.plan import SkippedStage, Substitution

from storyreel_planner.domain.grid import frames_of, longest_take, take_frames

ORDER = (Tier.KEYFRAME, Tier.PREVIEW, Tier.FINAL)


def skipped(brief: Brief, card: ModelCard) -> list[SkippedStage]:
    """Tiers that the film does not pass, and why."""
    missing = [
        SkippedStage(tier=t, reason=f"model {card.name} makes no {t.value}s")
        for t in ORDER
        if t not in card.stages and (t is not Tier.FINAL or brief.tier == "final")
    ]
    if brief.tier == "preview":
        missing.append(SkippedStage(tier=Tier.FINAL, reason="the brief asks for a preview"))
    return missing


def losses(brief: Brief, card: ModelCard, shots: list[PlannedShot], stages: list[Tier]) -> list[Substitution]:
    """What the brief asked for and the model or the grid cannot give."""
    return [*_long_shots(brief, card, shots), *_moved_cuts(brief, shots), *_other_forms(brief, card, stages)]


def _long_shots(brief: Brief, card: ModelCard, shots: list[PlannedShot]) -> list[Substitution]:
    longest = longest_take(card)
    return [
        Substitution(
            field=f"shots[{i}].frames",
            wanted=f"{shot.frames / brief.fps:.2f} s of motion and its handles",
            chosen=f"a take of {longest / card.fps:.2f} s, played slower to fill the shot",
            reason=f"model {card.name} makes at most {longest} frames at {card.fps} frames per second",
        )
        for i, shot in enumerate(shots)
        if not take_frames(shots, i, brief.fps, card)[1]
    ]


def _moved_cuts(brief: Brief, shots: list[PlannedShot]) -> list[Substitution]:
    """Cuts that do not lie on their own time because a shot would have been shorter than the grid allows."""
    return [
        Substitution(
            field=f"storyboard[{i}].start_s",
            wanted=f"{frame.start_s:g} s",
            chosen=f"{shot.start_frame / brief.fps:.4f} s",
            reason="a shot needs at least two frames",
        )
        for i, (frame, shot) in enumerate(zip(brief.storyboard, shots, strict=False))
        if i and shot.start_frame != frames_of(frame.start_s, brief.fps)
    ]


def _other_forms(brief: Brief, card: ModelCard, stages: list[Tier]) -> list[Substitution]:
    found = []
    if stages[-1].value != brief.tier:
        reason = f"model {card.name} has no {brief.tier} stage"
        found.append(Substitution(field="tier", wanted=brief.tier, chosen=stages[-1].value, reason=reason))
    for tier in stages:
        if brief.aspects[0] not in card.sizes[tier]:
            chosen = sorted(card.sizes[tier])[0]
            reason = f"model {card.name} has no {tier.value} size for it; the assembler frames the takes anew"
            found.append(Substitution(field="aspects[0]", wanted=brief.aspects[0], chosen=chosen, reason=reason))
    if brief.lora and brief.lora.name not in card.loras:
        reason = f"model {card.name} has {', '.join(card.loras) or 'no LoRA'}"
        found.append(Substitution(field="lora.name", wanted=brief.lora.name, chosen="the model's own look", reason=reason))
    return found
