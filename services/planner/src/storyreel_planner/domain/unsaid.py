"""What of a campaign's own words the model has no word for; each loss once, where it stands first. Used by `composing`.

Only the campaign's words count: what this room or a language model wrote around them was not asked for by anybody.
"""

from collections.abc import Iterator

from storyreel_contracts import Brief, Camera, Role
from storyreel_contracts.plan import Substitution

from storyreel_planner.domain.prompts import Prompts
from storyreel_planner.domain.words import without_preamble

_SHOWN = {Role.PRODUCT, Role.CHARACTER, Role.PLACE, Role.STYLE}


def film_words(brief: Brief) -> str:
    """The brief's words about the film as a whole, and about what it brings pictures of."""
    return ". ".join([without_preamble(brief.prompt), *(words for _, words in _described(brief))])


def unsaid(brief: Brief, prompts: Prompts) -> list[Substitution]:
    """Substitutions for what cannot be said of the brief: frames first, where exact words weigh most."""
    names = [brief.title, brief.brand.name if brief.brand else ""]
    found: dict[tuple[str, str], Substitution] = {}
    for field, own, camera in _own_words(brief):
        for loss in prompts.losses(field, own, camera, names):
            found.setdefault((loss.wanted, loss.chosen), loss)
    return list(found.values())


def _own_words(brief: Brief) -> Iterator[tuple[str, str, Camera | None]]:
    for i, frame in enumerate(brief.storyboard):
        yield f"storyboard[{i}].prompt", frame.prompt, frame.camera
    yield "prompt", without_preamble(brief.prompt), None
    for i, words in _described(brief):
        yield f"references[{i}].description", words, None


def _described(brief: Brief) -> list[tuple[int, str]]:
    return [(i, r.description) for i, r in enumerate(brief.references) if r.role in _SHOWN and r.description]
