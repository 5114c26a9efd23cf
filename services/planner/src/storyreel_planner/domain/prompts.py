"""How a shot becomes the words that a video model reads. Which way is a matter of the model's card, not of the planner.

`PlainPrompts` writes sentences for a model that reads English; `ModelPrompts` says what a small model was taught to read,
in its own words, and tells what it could not say. Used by `composing`, `editing` and `specs`.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Protocol

from storyreel_contracts import Camera, ModelCard
from storyreel_contracts.plan import Bible, Substitution
from storyreel_contracts.prompt_writer import PromptWriter, needs, slots

from storyreel_planner.domain.english import tokens
from storyreel_planner.domain.vocabulary import Reading, Vocabulary
from storyreel_planner.domain.words import NEGATIVE, Picture, model_prompt, with_camera

MAX_PROMPT = 8_000
LEFT_OUT = "left out"
_CAMERA, _SIZE = "camera", "size"
_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")
_SENTENCE = re.compile(r"(?:^|(?<=\. ))[a-z]")
_ARTICLE = re.compile(r"\b([Aa]) (?=[aeiouAEIOU])")


class Prompts(Protocol):
    """Writes prompts for one model."""

    @property
    def negative(self) -> str:
        """What no picture should have."""
        ...

    def written(self, picture: Picture, bible: Bible, film: str = "") -> str:
        """The prompt of a shot. `film` are the brief's words about the film as a whole."""
        ...

    def moved(self, prompt: str, old: Camera, new: Camera) -> str:
        """The same prompt with another camera move."""
        ...

    def mended(self, prompt: str, additions: Sequence[str]) -> str:
        """The prompt with words that should bring a take back."""
        ...

    def avoiding(self, negative: str, seen: Sequence[str]) -> str:
        """The negative prompt with what safety saw."""
        ...

    def losses(self, field: str, own: str, camera: Camera | None, known: Sequence[str] = ()) -> list[Substitution]:
        """What of a campaign's own words the prompt cannot say; `camera` where they are a shot's."""
        ...


class PlainPrompts:
    """For a model that reads plain sentences: every word may stand as it is."""

    negative = NEGATIVE

    def written(self, picture: Picture, bible: Bible, film: str = "") -> str:  # noqa: ARG002 - the bible holds it
        """Subject, size, place, light, camera, look, colours."""
        return model_prompt(picture, bible)

    def moved(self, prompt: str, old: Camera, new: Camera) -> str:
        """The move's words replaced, or added."""
        return with_camera(prompt, old, new)

    def mended(self, prompt: str, additions: Sequence[str]) -> str:
        """The words added, each once."""
        for words in additions:
            if words and words not in prompt:
                prompt = f"{prompt.rstrip(' .')}. {words.strip().rstrip('.')}."
        return prompt[:MAX_PROMPT]

    def avoiding(self, negative: str, seen: Sequence[str]) -> str:
        """The words added, each once."""
        return ", ".join(dict.fromkeys([*negative.split(", "), *seen]))[:MAX_PROMPT]

    def losses(self, field: str, own: str, camera: Camera | None, known: Sequence[str] = ()) -> list[Substitution]:  # noqa: ARG002
        """None: what the model makes of a word is its own affair."""
        return []


class ModelPrompts:
    """For a model with a vocabulary of its own."""

    def __init__(self, writer: PromptWriter, model: str) -> None:
        self._writer, self._model, self._vocabulary = writer, model, Vocabulary(writer)
        self._attributes = {a.name: a for a in writer.attributes}
        self.negative = writer.negative
        self._look = lru_cache(maxsize=16)(self._read)  # the same for every shot of a film

    def written(self, picture: Picture, bible: Bible, film: str = "") -> str:
        """The model's sentence: the shot's own words first, then the film's, then the defaults."""
        own = self._vocabulary.read(picture.subject).values
        own = self._sized(own, picture) | self._given(_CAMERA, picture.camera)
        look = self._look(". ".join([film, bible.setting, bible.lighting, bible.style]))
        return self._sentence(own | self._inherited(own, look))

    def moved(self, prompt: str, old: Camera, new: Camera) -> str:  # noqa: ARG002 - the prompt says it
        """The sentence written again with the other move."""
        return self._sentence(self._vocabulary.read(prompt).values | self._given(_CAMERA, new))

    def mended(self, prompt: str, additions: Sequence[str]) -> str:
        """The sentence written again with what the model knows of the additions; they go before what stood there."""
        wanted = self._vocabulary.read(". ".join(additions)).values
        return self._sentence(self._vocabulary.read(prompt).values | wanted) if wanted else prompt

    def avoiding(self, negative: str, seen: Sequence[str]) -> str:  # noqa: ARG002 - words that it never learnt
        """As it was: a name of a category is no word of this model."""
        return negative

    def losses(self, field: str, own: str, camera: Camera | None, known: Sequence[str] = ()) -> list[Substitution]:
        """Unknown phrases; and, of a shot's words, what there is room for only once, or not beside the rest."""
        reading = self._vocabulary.read(own, [t for k in known for t in tokens(k)])
        unknown = f"model {self._model} does not know it"
        lost = [self._loss(field, ", ".join(reading.unknown)[:500], LEFT_OUT, unknown)] if reading.unknown else []
        return lost if camera is None else [*lost, *self._crowded_out(field, reading, camera)]

    def _crowded_out(self, field: str, reading: Reading, camera: Camera) -> list[Substitution]:
        given = self._given(_CAMERA, camera)
        values = reading.values | given
        said = self._said(values)
        spare = [*reading.spare]
        spare += [(name, value) for name, value in reading.values.items() if said.get(name) != value]
        lost = [
            self._loss(
                field, words, said.get(name, LEFT_OUT), f"model {self._model} takes one {name.replace('_', ' ')}, in its place"
            )
            for name, words in dict.fromkeys(spare)
        ]
        if not given and _CAMERA in self._attributes and camera is not Camera.UNKNOWN:
            move = self._attributes[_CAMERA].default or LEFT_OUT
            lost.append(
                self._loss(field, camera.value.replace("_", " "), move, f"model {self._model} does not know this camera move")
            )
        return lost

    def _loss(self, field: str, wanted: str, chosen: str, reason: str) -> Substitution:
        return Substitution(field=field, wanted=wanted, chosen=chosen, reason=reason)

    def _read(self, text: str) -> dict[str, str]:
        return self._vocabulary.read(text).values

    def _sized(self, own: dict[str, str], picture: Picture) -> dict[str, str]:
        return own if _SIZE in own or picture.size is None else own | self._given(_SIZE, picture.size)

    def _given(self, attribute: str, value: str) -> dict[str, str]:
        """What the plan says in its own terms, in the model's; nothing where the model has no word for it."""
        known = self._vocabulary.read(value.replace("_", " ")).values.get(attribute)
        return {attribute: known} if known else {}

    def _inherited(self, own: Mapping[str, str], look: Mapping[str, str]) -> dict[str, str]:
        """The film's values for what the shot does not say; a description only with what it describes."""
        taken = {n: v for n, v in look.items() if n not in own and self._attributes[n].scope == "film"}
        return {
            name: value
            for name, value in taken.items()
            if (of := self._attributes[name].of) == "" or of in taken or own.get(of) == look.get(of)
        }

    def _sentence(self, values: Mapping[str, str]) -> str:
        full = self._full(values)
        return filled(self._template(full), full)

    def _said(self, values: Mapping[str, str]) -> dict[str, str]:
        """The values that stand in the sentence."""
        full = self._full(values)
        present = slots(_kept(self._template(full), full))
        return {name: value for name, value in full.items() if name in present}

    def _full(self, values: Mapping[str, str]) -> dict[str, str]:
        return {a.name: a.default for a in self._writer.attributes if a.default} | dict(values)

    def _template(self, values: Mapping[str, str]) -> str:
        return next(t for t in self._writer.templates if all(n in values for n in needs(t)))


def filled(template: str, values: Mapping[str, str]) -> str:
    """The template's sentence, without the optional parts that lack a value."""
    kept = re.sub(r"\{([a-z_]+)\}", lambda slot: values[slot[1]], _kept(template, values))
    line = " ".join(_ARTICLE.sub(r"\1n ", kept).split())
    return _SENTENCE.sub(lambda first: first[0].upper(), line)


def faults(writer: PromptWriter) -> list[str]:
    """Values that the writer's own sentences do not say so that it understands them again."""
    vocabulary, wrong = Vocabulary(writer), []
    for template in writer.templates:
        named = [a for a in writer.attributes if a.name in slots(template)]
        usual = {a.name: a.default or a.values[0] for a in named}
        for values in (usual | {a.name: v} for a in named for v in a.values):
            sentence = filled(template, values)
            if vocabulary.read(sentence).values != values:
                wrong.append(f"{sentence!r} is not read as it was written")
    return list(dict.fromkeys(wrong))


def prompts_for(card: ModelCard) -> Prompts:
    """The prompts that this model reads."""
    writer = card.prompt_writer
    return PlainPrompts() if writer is None else _model_prompts(writer.model_dump_json(), card.name)


@lru_cache(maxsize=8)
def _model_prompts(writer: str, model: str) -> ModelPrompts:
    """A vocabulary is stemmed once; films in flight share it."""
    return ModelPrompts(PromptWriter.model_validate_json(writer), model)


def _kept(template: str, values: Mapping[str, str]) -> str:
    return _OPTIONAL.sub(lambda part: part[1] if all(n in values for n in slots(part[1])) else "", template)
