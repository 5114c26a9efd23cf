"""From a script to a plan: frame grid, bible, seeds, stages, references, price and finish time.

Called by `handlers` with the script of whichever backend wrote it; the grid and the storyboard's own words are
enforced here, so no backend can break them.
"""

from dataclasses import dataclass
from itertools import accumulate, groupby

from storyreel_contracts import (
    ArtifactRef,
    Brief,
    FailureKind,
    ModelCard,
    Plan,
    PlannedShot,
    Role,
    StoryboardFrame,
    Tier,
)
from storyreel_contracts.plan import Backend, Bible, Character, Estimate, Scene, Substitution

from storyreel_planner.domain.estimate import estimate
from storyreel_planner.domain.first_frames import with_first_frames
from storyreel_planner.domain.grid import Span, TooManyShotsError, frames_of, grid
from storyreel_planner.domain.losses import ORDER, losses, skipped
from storyreel_planner.domain.prompts import Prompts, prompts_for
from storyreel_planner.domain.rules import Rules
from storyreel_planner.domain.script import Script, ScriptShot
from storyreel_planner.domain.seeds import derive_seed
from storyreel_planner.domain.unsaid import film_words, unsaid
from storyreel_planner.domain.words import SUBJECT_BOXES, Picture, one_line
from storyreel_planner.domain.work import PlanRecord, WritePlan, refusal


@dataclass(frozen=True)
class Written:
    """What a backend hands over: its script, who wrote it, and what it had to replace."""

    script: Script
    backend: Backend
    substitutions: tuple[Substitution, ...] = ()


def compose(work: WritePlan, written: Written, card: ModelCard, rules: Rules) -> PlanRecord:
    """Lay a script on the grid. Raises Refusal (invalid_input) if the shots do not fit or the model cannot render."""
    brief, script = work.brief, written.script
    stages = stages_of(brief, card, work.version)
    total = frames_of(brief.duration_s, brief.fps)
    bible = _bible(brief, script)
    setup = Setup(work, bible, len(script.shots), prompts_for(card), film_words(brief))
    laid = [
        _shot(i, span, shot, setup)
        for i, (span, shot) in enumerate(zip(_spans(work, script, total), script.shots, strict=True))
    ]
    shots, borrowed = with_first_frames(laid, brief, card, stages, work.version)
    plan = Plan(
        title=script.title, logline=script.logline, fps=brief.fps, frames=total, aspects=brief.aspects, bible=bible,
        scenes=_scenes(script), shots=shots, brand=brief.brand, logo=_logo(brief), product=_first(brief, Role.PRODUCT),
        captions=brief.captions, narration=brief.narration, locale=brief.locale, category=brief.category, model=card.ref,
        lora=brief.lora if brief.lora and brief.lora.name in card.loras else None,
        backend=written.backend, skipped=skipped(brief, card),
        substitutions=[*written.substitutions, *borrowed, *losses(brief, card, shots, stages), *unsaid(brief, setup.prompts)],
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
    wanted = ORDER[: ORDER.index(Tier(brief.tier)) + 1]
    stages = [t for t in wanted if t in card.stages and card.sizes.get(t)]
    if stages in ([], [Tier.KEYFRAME]):
        others = [t for t in card.stages if t is not Tier.KEYFRAME and card.sizes.get(t)]
        if not others:
            raise refusal(version, FailureKind.INVALID_INPUT, f"model {card.name} renders no moving pictures", "tier")
        stages = [*stages, others[0]]
    return stages


@dataclass(frozen=True)
class Setup:
    """What all shots of a film share while they are laid out."""

    work: WritePlan
    bible: Bible
    count: int
    prompts: Prompts
    film: str


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
        prompt=setup.prompts.written(picture, setup.bible, setup.film),
        negative_prompt=setup.prompts.negative,
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
