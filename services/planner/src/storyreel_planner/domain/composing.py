"""From a script to a plan: frame grid, bible, seeds, stages, references, price and finish time.

Called by `handlers` with the script of whichever backend wrote it; the grid and the storyboard's own words are
enforced here, so no backend can break them.
"""

from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate, groupby

from storyreel_contracts import (
    ArtifactRef,
    Brief,
    FailureKind,
    FilmFailed,
    ModelCard,
    Plan,
    PlannedShot,
    Problem,
    Role,
    StoryboardFrame,
    Tier,
)
from storyreel_contracts.plan import Backend, Bible, Character, Estimate, Scene, SkippedStage, Substitution

from storyreel_planner.domain.estimate import estimate
from storyreel_planner.domain.grid import Span, TooManyShotsError, frames_of, grid, longest_take, take_frames
from storyreel_planner.domain.rules import Rules
from storyreel_planner.domain.script import Script, ScriptShot
from storyreel_planner.domain.words import NEGATIVE, SUBJECT_BOXES, Picture, model_prompt, one_line
from storyreel_planner.domain.work import PlanRecord, Refusal, WritePlan

_ORDER = (Tier.KEYFRAME, Tier.PREVIEW, Tier.FINAL)


@dataclass(frozen=True)
class Written:
    """What a backend hands over: its script, who wrote it, and what it had to replace."""

    script: Script
    backend: Backend
    substitutions: tuple[Substitution, ...] = ()


def derive_seed(*parts: object) -> int:
    """A seed (31 bits) that depends on all parts and nothing else."""
    return int.from_bytes(sha256(":".join(map(str, parts)).encode()).digest()[:4], "big") % 2**31


def compose(work: WritePlan, written: Written, card: ModelCard, rules: Rules) -> PlanRecord:
    """Lay a script on the grid. Raises Refusal (invalid_input) if the shots do not fit or the model cannot render."""
    brief, script = work.brief, written.script
    stages = stages_of(brief, card, work.version)
    total = frames_of(brief.duration_s, brief.fps)
    bible = _bible(brief, script)
    shots = [
        _shot(i, span, shot, Setup(work, bible, len(script.shots)))
        for i, (span, shot) in enumerate(zip(_spans(work, script, total), script.shots, strict=True))
    ]
    plan = Plan(
        title=script.title, logline=script.logline, fps=brief.fps, frames=total, aspects=brief.aspects, bible=bible,
        scenes=_scenes(script), shots=shots, brand=brief.brand, logo=_logo(brief), product=_first(brief, Role.PRODUCT),
        captions=brief.captions, narration=brief.narration, locale=brief.locale, category=brief.category, model=card.ref,
        backend=written.backend, skipped=_skipped(brief, card),
        substitutions=[*written.substitutions, *_substitutions(brief, card, shots, stages)],
        estimate=Estimate(price_micros=0, device_seconds=0.0, finish_at=work.now),
    )  # fmt: skip
    record = PlanRecord(plan=plan, card=card, stages=stages)
    return priced(record, work, rules)


def priced(record: PlanRecord, work: WritePlan, rules: Rules) -> PlanRecord:
    """The same plan with its price and finish time: what is still to be rendered, both tiers."""
    expected = estimate(record, work.have, rules, work.now)
    return record.model_copy(update={"plan": record.plan.model_copy(update={"estimate": expected})})


def stages_of(brief: Brief, card: ModelCard, version: int) -> list[Tier]:
    """Tiers that the film passes. Raises Refusal if the model makes no moving pictures."""
    wanted = _ORDER[: _ORDER.index(Tier(brief.tier)) + 1]
    stages = [t for t in wanted if t in card.stages and card.sizes.get(t)]
    if stages in ([], [Tier.KEYFRAME]):
        others = [t for t in card.stages if t is not Tier.KEYFRAME and card.sizes.get(t)]
        if not others:
            raise refusal(version, FailureKind.INVALID_INPUT, f"model {card.name} renders no moving pictures", "tier")
        stages = [*stages, others[0]]
    return stages


def refusal(version: int, kind: FailureKind, reason: str, field: str, remedy: str = "change the brief") -> Refusal:
    """A refusal with one problem."""
    problem = Problem(field=field, reason=reason, remedy=remedy)
    return Refusal(FilmFailed(version=version, kind=kind, reason=reason, problems=[problem]))


@dataclass(frozen=True)
class Setup:
    """What all shots of a film share while they are laid out."""

    work: WritePlan
    bible: Bible
    count: int


def _spans(work: WritePlan, script: Script, total: int) -> list[Span]:
    brief = work.brief
    if brief.storyboard:
        cuts = [frame.start_s for frame in brief.storyboard]
    else:
        scale = brief.duration_s / sum(s.seconds for s in script.shots)
        cuts = [0.0, *(t * scale for t in accumulate(s.seconds for s in script.shots[:-1]))]
    try:
        return grid(cuts, total, brief.fps)
    except TooManyShotsError as error:
        raise refusal(work.version, FailureKind.INVALID_INPUT, str(error), "storyboard", "merge shots") from error


def _shot(i: int, span: Span, shot: ScriptShot, setup: Setup) -> PlannedShot:
    brief, work = setup.work.brief, setup.work
    shot_id = f"s{i + 1:02d}"
    frame = brief.storyboard[i] if brief.storyboard else None
    camera = frame.camera if frame else shot.camera
    picture = Picture(_subject(shot, frame), camera, shot.size)
    return PlannedShot(
        shot_id=shot_id,
        start_frame=span.start,
        frames=span.frames,
        prompt=model_prompt(picture, setup.bible),
        negative_prompt=NEGATIVE,
        camera=camera,
        caption=frame.caption if frame else shot.caption,
        narration=frame.narration if frame else shot.narration,
        transition_in=frame.transition_in if frame else shot.transition_in,
        characters=shot.cast,
        picture=_reference(brief, frame.picture) if frame and frame.picture else None,
        subject=SUBJECT_BOXES[shot.size],
        seed=derive_seed(work.film_id if brief.seed is None else brief.seed, shot_id),
        end_card=i == setup.count - 1 and brief.brand is not None and brief.brand.end_card_s > 0,
    )


def _subject(shot: ScriptShot, frame: StoryboardFrame | None) -> str:
    """A storyboard's own words always lead; what a writer adds to them follows."""
    own = one_line(frame.prompt).rstrip(".") if frame else ""
    return shot.subject if own in shot.subject else f"{own}. {shot.subject}"


def _bible(brief: Brief, script: Script) -> Bible:
    known = {r.id: r.artifact for r in brief.references}
    cast = [Character(id=c.id, name=c.name, description=c.description, reference=known.get(c.id)) for c in script.cast]
    brand = [brief.brand.primary_color.lower(), brief.brand.text_color.lower()] if brief.brand else ["#808080"]
    return Bible(
        characters=cast, style=script.style, setting=script.setting, lighting=script.lighting,
        palette=list(dict.fromkeys(brand)),
    )  # fmt: skip


def _scenes(script: Script) -> list[Scene]:
    numbered = [(f"s{i + 1:02d}", shot) for i, shot in enumerate(script.shots)]
    runs = [list(run) for _, run in groupby(numbered, key=lambda pair: pair[1].scene)]
    return [Scene(title=run[0][1].scene, beat=run[0][1].beat, shot_ids=[sid for sid, _ in run]) for run in runs]


def _reference(brief: Brief, reference_id: str) -> ArtifactRef | None:
    return next((r.artifact for r in brief.references if r.id == reference_id), None)


def _first(brief: Brief, role: Role) -> ArtifactRef | None:
    return next((r.artifact for r in brief.references if r.role is role), None)


def _logo(brief: Brief) -> ArtifactRef | None:
    return _reference(brief, brief.brand.logo) if brief.brand and brief.brand.logo else _first(brief, Role.LOGO)


def _skipped(brief: Brief, card: ModelCard) -> list[SkippedStage]:
    skipped = [
        SkippedStage(tier=t, reason=f"model {card.name} makes no {t.value}s")
        for t in _ORDER
        if t not in card.stages and (t is not Tier.FINAL or brief.tier == "final")
    ]
    if brief.tier == "preview":
        skipped.append(SkippedStage(tier=Tier.FINAL, reason="the brief asks for a preview"))
    return skipped


def _substitutions(brief: Brief, card: ModelCard, shots: list[PlannedShot], stages: list[Tier]) -> list[Substitution]:
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
    return found
