"""Where words stand in a brief and in a plan. A plan holds the edits of its version, so screening it screens them.

Negative prompts are left out on purpose: they name what must not be seen, and reach no viewer and no picture.
"""

from collections.abc import Iterable, Iterator

from storyreel_contracts import Brief, Plan
from storyreel_contracts.brief import BrandKit

from storyreel_safety.domain.words import Passage


def of_brief(brief: Brief) -> list[Passage]:
    """Every text of a brief that a model or a viewer may get to read."""
    shots = (
        (f"storyboard[{i}].{name}", getattr(frame, name))
        for i, frame in enumerate(brief.storyboard)
        for name in ("prompt", "caption", "narration")
    )
    references = ((f"references[{i}].description", r.description) for i, r in enumerate(brief.references))
    return _passages([("prompt", brief.prompt), ("title", brief.title), *shots, *references, *_of_brand(brief.brand)])


def of_plan(plan: Plan) -> list[Passage]:
    """Every text of a plan that a model or a viewer may get to read."""
    bible = plan.bible
    whole = [("title", plan.title), ("logline", plan.logline)]
    look = [(f"bible.{name}", getattr(bible, name)) for name in ("style", "setting", "lighting")]
    characters = [(f"bible.characters[{i}]", f"{c.name}: {c.description}") for i, c in enumerate(bible.characters)]
    scenes = [(f"scenes[{i}]", f"{s.title}: {s.beat}") for i, s in enumerate(plan.scenes)]
    shots = (
        (f"shots[{i}].{name}", getattr(shot, name))
        for i, shot in enumerate(plan.shots)
        for name in ("prompt", "caption", "narration")
    )
    return _passages([*whole, *look, *characters, *scenes, *shots, *_of_brand(plan.brand)])


def _of_brand(brand: BrandKit | None) -> Iterator[tuple[str, str]]:
    if brand:
        yield "brand.name", brand.name
        yield "brand.call_to_action", brand.call_to_action


def _passages(fields: Iterable[tuple[str, str]]) -> list[Passage]:
    return [Passage(where=where, text=text) for where, text in fields if text.strip()]
