"""Captions for facts: many phrasings, from four words to a marketing sentence, and the planner's own way of prompting."""

from collections.abc import Iterator

import numpy as np

from storyreel_training.world.facts import NONE, Facts
from storyreel_training.world.words import (
    ACTION,
    CAMERA,
    CHARACTER,
    COLOUR,
    PITCH,
    PRAISE,
    PRODUCT,
    SETTING,
    SIZE,
    STYLE,
    TIME,
    WEARING,
    WEATHER,
    Words,
)


class Writer:
    """Writes captions for one clip with one stream of chance."""

    def __init__(self, facts: Facts, rng: np.random.Generator) -> None:
        self._facts, self._rng = facts, rng

    def caption(self) -> str:
        """A caption of any kind. What it leaves out (never the subject or its colours) the model may choose."""
        kind = self._rng.choice(("terse", "plain", "planner", "pitch"), p=(0.2, 0.35, 0.3, 0.15))
        return {"terse": self.terse, "plain": self.plain, "planner": self.planner, "pitch": self.pitch}[str(kind)]()

    def terse(self) -> str:
        """Keywords: "orange fox, red scarf, beach, sunset"."""
        f = self._facts
        parts = [self._subject(article=False), self._of(SETTING, f.setting)]
        extra = [
            self._of(TIME, f.time),
            self._of(ACTION, f.action),
            self._of(SIZE, f.size),
            self._of(CAMERA, f.camera),
            *self._weather(),
        ]
        keep = [e for e in extra if self._rng.random() < 0.7]
        return ", ".join((*parts, *keep, *self._style(0.5)))

    def plain(self) -> str:
        """Sentences: "A medium shot of an orange fox with a scarf walks on the beach at sunset. Pan left."."""
        f = self._facts
        size = f"{self._a(self._of(SIZE, f.size))} of " if self._rng.random() < 0.7 else ""
        where = [self._of(SETTING, f.setting), self._of(TIME, f.time), *self._weather()]
        self._rng.shuffle(where)
        head = f"{size}{self._subject()} {self._of(ACTION, f.action)} {' '.join(where)}"
        rest = [self._of(CAMERA, f.camera) if self._rng.random() < 0.85 else "", *self._style(0.6)]
        return ". ".join(p[0].upper() + p[1:] for p in (head, *rest) if p) + "."

    def planner(self) -> str:
        """As `storyreel_planner` prompts: subject, size, place with light, camera, look, palette."""
        f = self._facts
        light = ", ".join((self._of(TIME, f.time), *self._weather()))
        parts = [f"{self._subject()} {self._of(ACTION, f.action)}", self._of(SIZE, f.size), f"{self._place()}, {light}"]
        parts += [self._of(CAMERA, f.camera), *self._style(0.9)]
        shown = [c for c in (f.colour, f.product_colour) if c != NONE]
        if self._rng.random() < 0.4 and f.style != "noir":
            parts.append(f"Palette of {' and '.join(dict.fromkeys(shown))}")
        return ". ".join(p[0].upper() + p[1:] for p in parts) + "."

    def pitch(self) -> str:
        """A marketing sentence around the facts."""
        f = self._facts
        lead = self._pick(PITCH)
        where = f"{self._of(SETTING, f.setting)} {self._of(TIME, f.time)}"
        weather = "".join(f", {w}" for w in self._weather())
        tail = self._pick(("Made for every day.", "A moment for you.", "Your story, every day!", "Simple, beautiful, yours."))
        end = " ".join(
            s[0].upper() + s[1:] + "." for s in (self._of(CAMERA, f.camera), self._of(SIZE, f.size), *self._style(0.5))
        )
        return f"{lead.capitalize()} {self._subject()} that {self._of(ACTION, f.action)} {where}{weather}. {tail} {end}"

    def _subject(self, *, article: bool = True) -> str:
        f = self._facts
        things = [t for t in (self._figure(article=article), self._thing(article=article)) if t]
        if len(things) == 2 and f.action == "pour":
            return f"{things[0]} beside {things[1]}"
        return f" {self._pick(('with', 'and', 'next to', 'beside'))} ".join(things)

    def _figure(self, *, article: bool) -> str:
        f = self._facts
        if f.character == NONE:
            return ""
        colour = "" if f.style == "noir" else self._of(COLOUR, f.colour)
        who = f"{colour} {self._of(CHARACTER, f.character)}".strip()
        if f.character in {"woman", "man"} and colour and self._rng.random() < 0.4:
            who = f"{self._of(CHARACTER, f.character)} in {colour}"
        if article:
            who = f"{self._pick(PRAISE)} {who}" if self._rng.random() < 0.25 else self._a(who)
        if f.accessory == NONE:
            return who
        return f"{who} {self._pick(WEARING)} {f.accessory if f.accessory == 'sunglasses' else self._a(f.accessory)}"

    def _thing(self, *, article: bool) -> str:
        f = self._facts
        if f.product == NONE:
            return ""
        colour = "" if f.style == "noir" else self._of(COLOUR, f.product_colour)
        what = f"{colour} {self._of(PRODUCT, f.product)}".strip()
        return what if not article or f.product == "headphones" else self._a(what)

    def _place(self) -> str:
        place = self._of(SETTING, self._facts.setting)
        return f"set in {place}" if place.startswith("a ") else place

    def _weather(self) -> list[str]:
        weather = self._facts.weather
        return [] if weather == "clear" and self._rng.random() < 0.85 else [self._of(WEATHER, weather)]

    def _style(self, chance: float) -> list[str]:
        style = self._facts.style
        return [self._of(STYLE, style)] if style != "animation" or self._rng.random() < chance else []

    def _of(self, table: dict[str, Words], key: str) -> str:
        return self._pick(table[key])

    def _pick(self, words: Words) -> str:
        return words[int(self._rng.integers(len(words)))]

    @staticmethod
    def _a(what: str) -> str:
        return f"{'an' if what[0] in 'aeiou' else 'a'} {what}"


def captions(facts: Facts, rng: np.random.Generator) -> Iterator[str]:
    """Endless captions of the same facts."""
    writer = Writer(facts, rng)
    while True:
        yield writer.caption()
