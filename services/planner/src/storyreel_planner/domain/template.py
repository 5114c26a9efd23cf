"""The `template` backend: a script by rules alone. Same brief, same script, with no network and no model.

Called by `handlers` directly and as the stated fallback of the language model.
"""

import re

from storyreel_contracts import Brief, ModelCard, Reference, Role, StoryboardFrame, Transition

from storyreel_planner.domain.grammar import CLOSING, HERO, OPENING, Beat, beats, shot_count, shot_lengths
from storyreel_planner.domain.grid import longest_take
from storyreel_planner.domain.script import CastMember, Script, ScriptShot
from storyreel_planner.domain.words import Size, one_line, scene_in, sentence, size_in, without_preamble

NAME = "template"
STYLE = "Cinematic commercial, natural colours, shallow depth of field, fine film grain"
_CLAUSE = re.compile(r"[:,;.]")
_CAST_ROLES = {Role.PRODUCT, Role.CHARACTER}


def write_script(brief: Brief, card: ModelCard) -> Script:
    """Write the script: the storyboard's own shots, or beats and shots for the duration."""
    setting, lighting = scene_in(brief.prompt, *scene_in(" ".join(f.prompt for f in brief.storyboard)))
    return Script(
        title=_title(brief),
        logline=sentence(brief.prompt, 400) or _title(brief),
        style=STYLE,
        setting=setting,
        lighting=lighting,
        cast=cast_of(brief),
        shots=_storyboard_shots(brief) if brief.storyboard else _written_shots(brief, card),
    )


def cast_of(brief: Brief) -> list[CastMember]:
    """Products and characters that the brief brings pictures of; without any, the brief's own subject."""
    brought = [r for r in brief.references if r.role in _CAST_ROLES][:8]
    if brought:
        return [_member(r, brief) for r in brought]
    return [CastMember(id="subject", name=_what(brief)[:80], description=sentence(brief.prompt, 400))]


def _title(brief: Brief) -> str:
    return (one_line(brief.title) or sentence(brief.prompt, 100)).rstrip(".") or "Film"


def _member(reference: Reference, brief: Brief) -> CastMember:
    name = sentence(reference.description, 80) or (_what(brief) if reference.role is Role.PRODUCT else reference.id)
    return CastMember(id=reference.id, name=name[:80], description=reference.description or name)


def _what(brief: Brief) -> str:
    """The product in the brief's words: its picture's description, else the brand's name, else the whole subject."""
    product = next((r for r in brief.references if r.role is Role.PRODUCT), None)
    if product and product.description:
        return sentence(product.description, 120).rstrip(".")
    return f"the {brief.brand.name} product" if brief.brand else sentence(brief.prompt, 120).rstrip(".") or "the subject"


def _storyboard_shots(brief: Brief) -> list[ScriptShot]:
    cast = [member.id for member in cast_of(brief)]
    last = len(brief.storyboard) - 1
    return [_frame_shot(i, i == last, frame, cast) for i, frame in enumerate(brief.storyboard)]


def _frame_shot(i: int, last: bool, frame: StoryboardFrame, cast: list[str]) -> ScriptShot:
    return ScriptShot(
        scene="Opening" if i == 0 else "Closing" if last else "Story",
        beat=OPENING.purpose if i == 0 else CLOSING.purpose if last else "carry the story on",
        seconds=frame.end_s - frame.start_s,
        subject=one_line(frame.prompt) or "the subject",
        size=size_in(frame.prompt) or Size.MEDIUM,
        camera=frame.camera,
        transition_in=frame.transition_in,
        caption=frame.caption,
        narration=frame.narration,
        cast=cast,
    )


def _written_shots(brief: Brief, card: ModelCard) -> list[ScriptShot]:
    longest = longest_take(card) / card.fps
    count = shot_count(brief.duration_s, longest)
    lengths = shot_lengths(brief.duration_s, count, longest)
    cast = [member.id for member in cast_of(brief)]
    return [_beat_shot(beat, seconds, brief, cast) for beat, seconds in zip(beats(count), lengths, strict=True)]


def _beat_shot(beat: Beat, seconds: float, brief: Brief, cast: list[str]) -> ScriptShot:
    it, what = sentence(without_preamble(brief.prompt)).rstrip(".") or "the subject", _what(brief)
    return ScriptShot(
        scene=beat.scene,
        beat=beat.purpose,
        seconds=seconds,
        subject=beat.subject.format(it=it, what=what, name=_CLAUSE.split(what)[0]),
        size=beat.size,
        camera=beat.camera,
        transition_in=Transition.CUT,
        caption=_caption(beat, brief),
        narration=_narration(beat, brief),
        cast=cast,
    )


def _caption(beat: Beat, brief: Brief) -> str:
    """The brief's own words only: a rule-made slogan would put words into the brand's mouth."""
    if beat in {OPENING, HERO}:
        return brief.title[:84]
    return brief.brand.call_to_action if beat == CLOSING and brief.brand else ""


def _narration(beat: Beat, brief: Brief) -> str:
    if brief.narration is None:
        return ""
    if beat in {OPENING, HERO}:
        return brief.title
    return f"{brief.brand.name}. {brief.brand.call_to_action}".strip() if beat == CLOSING and brief.brand else ""
