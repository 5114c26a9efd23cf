"""Reads a text with a model's vocabulary: which of its words are called for, and what is left that it does not know.

Used by `prompts`. Pure. The first mention of an attribute counts; what is negated is neither said nor missed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from storyreel_contracts.prompt_writer import Attribute, PromptWriter

from storyreel_planner.domain.english import (
    ARTICLES,
    CLAUSE_ENDS,
    CONTRASTS,
    LINKS,
    NEGATING_PAIRS,
    NEGATORS,
    NOT_NEGATING,
    PHRASE_ENDS,
    PREPOSITIONS,
    is_plain,
    stem,
    tokens,
)

_REACH = 4  # understood phrases between a description and what it describes; a noun phrase has no more
_LONGEST = 60  # characters of one phrase that is reported as unknown


class Mention(NamedTuple):
    """Words of the text that call for a value; `first` and `last` are places among the words."""

    attribute: str
    value: str
    first: int
    last: int


@dataclass(frozen=True)
class Reading:
    """What a text calls for: values by attribute, further mentions that found their attribute taken, unknown phrases."""

    values: dict[str, str]
    spare: list[tuple[str, str]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


class Word(NamedTuple):
    """A word or mark of the text."""

    text: str
    stem: str
    negated: bool

    @property
    def ends_clause(self) -> bool:
        """Whether no phrase goes across it."""
        return self.text in CLAUSE_ENDS


Options = dict[str, str]  # value by attribute: what a phrase may mean


class Vocabulary:
    """A model's words, ready to read texts with."""

    def __init__(self, writer: PromptWriter) -> None:
        self._attributes = {a.name: a for a in writer.attributes}
        self._describing = {a.name for a in writer.attributes if a.of}
        self._phrases: dict[tuple[str, ...], Options] = {}
        for attribute in writer.attributes:
            for term in attribute.terms:
                for words in (term.value, *term.words):
                    self._add(attribute, term.value, words)
        self._sizes: dict[str, list[int]] = {}  # lengths of the phrases that begin with a stem, the longest first
        for phrase in sorted(self._phrases, key=len, reverse=True):
            self._sizes.setdefault(phrase[0], []).append(len(phrase))

    def read(self, text: str, known: Sequence[str] = ()) -> Reading:
        """What `text` calls for. `known` are words that are no news, such as the brand's name."""
        words = _words(text)
        found = list(self._found(words))
        mentions = [m for m in (self._settled(words, found, i) for i in range(len(found))) if m]
        values = {m.attribute: m.value for m in reversed(mentions)}  # the first mention is written last
        spare = {(m.attribute, _said(words, m.first, m.last)): None for m in mentions if values[m.attribute] != m.value}
        return Reading(values, list(spare), _unknown(words, mentions, {stem(k) for k in known}))

    def _add(self, attribute: Attribute, value: str, words: str) -> None:
        phrase = tuple(stem(t) for t in tokens(words) if t.casefold() not in ARTICLES)
        if phrase:
            self._phrases.setdefault(phrase, {}).setdefault(attribute.name, value)

    def _found(self, words: list[Word]) -> Iterator[tuple[Options, int, int]]:
        """Phrases of the vocabulary, the longest at each place; articles do not count."""
        solid = [i for i, w in enumerate(words) if w.text.casefold() not in ARTICLES]
        at = 0
        while at < len(solid):
            lengths = self._sizes.get(words[solid[at]].stem, ())
            size = next((n for n in lengths if self._phrase(words, solid[at : at + n], n)), 0)
            places = solid[at : at + size]
            if places and not words[places[0]].negated:
                yield self._phrases[tuple(words[i].stem for i in places)], places[0], places[-1]
            at += max(1, size)

    def _phrase(self, words: list[Word], places: list[int], size: int) -> bool:
        return len(places) == size and tuple(words[i].stem for i in places) in self._phrases

    def _settled(self, words: list[Word], found: list[tuple[Options, int, int]], at: int) -> Mention | None:
        """The attribute that a phrase belongs to; None for a description of nothing that the model knows."""
        options, first, last = found[at]
        for name, value in options.items():
            of = self._attributes[name].of
            if not of or self._describes(words, found, at, of):
                return Mention(name, value, first, last)
        return None

    def _describes(self, words: list[Word], found: list[tuple[Options, int, int]], at: int, of: str) -> bool:
        """Whether a phrase describes a mention of `of`: before it in one noun phrase, or after it as in "a shoe in red"."""
        _, first, last = found[at]
        for options, start, end in found[at + 1 : at + 1 + _REACH]:
            between = words[last + 1 : start]
            if of in options:
                return all(_may_stand_between(w) for w in between)
            if not self._descriptive(options) or not all(_may_stand_between(w) or w.text.casefold() in LINKS for w in between):
                break
            last = end  # "a white and coral shoe": both colours are the shoe's
        for options, _, end in reversed(found[max(0, at - _REACH) : at]):
            if of in options:
                between, after = words[end + 1 : first], words[found[at][2] + 1 : found[at][2] + 2]
                return all(_links(w) for w in between) and all(_closes(w) for w in after)
            if not self._descriptive(options):
                break
        return False

    def _descriptive(self, options: Options) -> bool:
        return not self._describing.isdisjoint(options)


def _may_stand_between(word: Word) -> bool:
    return not word.ends_clause and word.text.casefold() not in PHRASE_ENDS


def _links(word: Word) -> bool:
    return not word.ends_clause and is_plain(word.text) and word.text.casefold() not in LINKS


def _closes(word: Word) -> bool:
    """Whether a noun phrase is over: what comes after "in red" must not be what is red."""
    return word.ends_clause or word.text.casefold() in PHRASE_ENDS


def _words(text: str) -> list[Word]:
    found = tokens(text)
    return [Word(t, stem(t), negated) for t, negated in zip(found, _negations(found), strict=True)]


def _negations(found: Sequence[str]) -> Iterator[bool]:
    """For each word whether it is denied: from a "no" to the end of its phrase."""
    low = [t.casefold() for t in found]
    denied, content = False, False
    for i, word in enumerate(low):
        after = low[i + 1] if i + 1 < len(low) else ""
        if _denies(word, after):
            denied, content = True, False
        elif denied and _ends_denial(word, after, content=content):
            denied = False
        content = content or (denied and not is_plain(word))
        yield denied


def _denies(word: str, after: str) -> bool:
    if (word, after) in NOT_NEGATING:
        return False
    return word in NEGATORS or word.endswith("n't") or (word, after) in NEGATING_PAIRS


def _ends_denial(word: str, after: str, *, content: bool) -> bool:
    if word in CLAUSE_ENDS or word in CONTRASTS:
        return True
    if word == "and":
        return after in ARTICLES
    return content and word in PREPOSITIONS


def _unknown(words: list[Word], mentions: Sequence[Mention], known: set[str]) -> list[str]:
    """Runs of words that name something and were not understood, in order, once each."""
    taken = {i for m in mentions for i in range(m.first, m.last + 1)}
    runs: list[list[int]] = []
    for i, word in enumerate(words):
        if i in taken or word.negated or word.stem in known or is_plain(word.text):
            continue
        if runs and runs[-1][-1] == i - 1:
            runs[-1].append(i)
        else:
            runs.append([i])
    named = [run for run in runs if not _only_describes(words, run, taken)]
    return list(dict.fromkeys(_said(words, run[0], run[-1]).casefold()[:_LONGEST] for run in named))


def _only_describes(words: list[Word], run: Sequence[int], taken: set[int]) -> bool:
    """Participles before a word that was understood ("a running [shoe]"), and lone ones in -ed, name nothing."""
    endings = ("ing", "ed") if run[-1] + 1 in taken else ("ed",)
    return all(words[i].text.casefold().endswith(endings) for i in run)


def _said(words: list[Word], first: int, last: int) -> str:
    return " ".join(w.text for w in words[first : last + 1])
