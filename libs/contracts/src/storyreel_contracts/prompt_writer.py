"""A prompt writer as data: which words a model knows, and the sentence that it was taught to read. Part of its card."""

import re
from typing import Literal, Self

from pydantic import Field, model_validator

from storyreel_contracts.base import Model

_SLOT = re.compile(r"\{([a-z_]*)\}")
_OPTIONAL = re.compile(r"\[[^\[\]]*\]")


class Term(Model):
    """One value that the model knows."""

    value: str = Field(min_length=1, description="as it stands in the sentence")
    words: list[str] = Field(
        default_factory=list, description="other words for it; plurals and other word forms need not be listed"
    )


class Attribute(Model):
    """One thing that a sentence may say. `camera` and `size` are the plan's camera move and shot size."""

    name: str = Field(pattern=r"^[a-z_]+$")
    terms: list[Term] = Field(min_length=1)
    default: str = Field(default="", description="value that is said where nobody calls for one; empty: it is left out")
    of: str = Field(
        default="", description="attribute whose mention it must describe, as a colour does; empty: it stands alone"
    )
    scope: Literal["film", "shot"] = Field(
        default="film", description="film: where a shot's own words call for no value, the film's words do"
    )

    @property
    def values(self) -> list[str]:
        """The values that may be said."""
        return [term.value for term in self.terms]


class PromptWriter(Model):
    """Maps a brief's words to the words of one model. English only.

    `templates` are sentences with `{attribute}` in them; a part in `[...]` is said only where all its attributes have a value.
    The first template whose other attributes all have one is used, so the last must need only attributes with defaults.
    """

    name: str = Field(min_length=1)
    version: str = Field(min_length=1)
    attributes: list[Attribute] = Field(min_length=1)
    templates: list[str] = Field(min_length=1)
    negative: str = Field(default="", description="negative prompt in the model's own words")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        names = [a.name for a in self.attributes]
        wrong = [f"attribute {a.name}: its default {a.default!r} is none of its values" for a in self.attributes if _astray(a)]
        wrong += [
            f"attribute {a.name}: of names {a.of!r}, which is no attribute" for a in self.attributes if a.of not in {"", *names}
        ]
        wrong += [f"template names {n!r}, which is no attribute" for t in self.templates for n in slots(t) if n not in names]
        always = {a.name for a in self.attributes if a.default}
        wrong += [f"the last template needs {n!r}, which has no default" for n in needs(self.templates[-1]) if n not in always]
        if len(names) != len(set(names)):
            wrong.append("two attributes have the same name")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self


def slots(template: str) -> list[str]:
    """Attributes that a template names, in order."""
    return _SLOT.findall(template)


def needs(template: str) -> list[str]:
    """Attributes without which a template cannot be used."""
    return slots(_OPTIONAL.sub("", template))


def _astray(attribute: Attribute) -> bool:
    return attribute.default not in {"", *attribute.values}
