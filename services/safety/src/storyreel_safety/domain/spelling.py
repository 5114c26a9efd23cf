"""Seeing through spelling: case, accents, look-alikes, leetspeak, spread-out and punctuated letters. Called by `words`.

A text is *folded* to plain small letters, each with its place in the original; a term becomes a pattern over folded text.
Word boundaries hold on both sides, so a term inside a longer word never fires.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from string import ascii_letters

from confusable_homoglyphs import confusables

_LEET = {"a": "4@", "b": "8", "e": "3", "g": "9", "i": "1!|", "l": "1!|", "o": "0", "s": "5$", "t": "7+", "z": "2"}
_MASK = "*"  # one letter hidden, as in f*ck
_SYMBOLS = frozenset("@$!|+*")
_GAP = r"([\W_]{0,3}?)"  # between the letters of a word; inside a phrase a space is the phrase's own
_GAP_IN_PHRASE = r"([^\w\s]{0,3}?)"
_NOT_A_WORD_BEFORE, _NOT_A_WORD_AFTER = r"(?<![^\W_])", r"(?![^\W_])"
_NAMED = re.compile(r"(?:LATIN|REGIONAL INDICATOR)\b.*\bLETTER (?:SMALL CAPITAL )?([A-Z])$")
_UNSEEN = frozenset({"Mn", "Me", "Cf", "Cc"})
_APOSTROPHES = "'’ʼ`´"


@dataclass(frozen=True)
class Folded:
    """A text in plain letters; `origin[i]` is the place of `text[i]` in the original."""

    text: str
    origin: tuple[int, ...]
    original: str

    def quote(self, start: int, end: int) -> str:
        """The original words behind a span of the folded text."""
        return self.original[self.origin[start] : self.origin[end - 1] + 1]


@dataclass(frozen=True)
class Sighting:
    """A term seen at a span of the folded text. `sure` is False where letters were glued from pieces of words."""

    start: int
    end: int
    sure: bool


@lru_cache
def _lookalikes() -> dict[str, str]:
    """Non-ASCII characters that Unicode's confusables name for a Latin letter, to that letter."""
    named = confusables.confusables_data
    return {
        other["c"]: letter.lower()
        for letter in ascii_letters
        for other in named.get(letter, ())
        if len(other["c"]) == 1 and not other["c"].isascii()
    }


@lru_cache
def _lookalikes_of_small_letters() -> dict[str, str]:
    """The small letters of look-alike capitals too (К looks like K, so к is taken for k); only safe in mixed words."""
    strict = _lookalikes()
    return {c.lower(): latin for c, latin in strict.items() if len(c.lower()) == 1} | strict


@lru_cache(maxsize=4096)
def _plain(char: str) -> str:
    """A character without accent, style and case; '' for what is not seen (joiners, marks, variation selectors)."""
    kept = (
        c for c in unicodedata.normalize("NFKD", char) if unicodedata.category(c) not in {"Mn", "Me", "Cf", "Cc"} or c in "\n\t"
    )
    plain = "".join(kept).casefold()
    if plain.isascii():
        return plain
    named = _NAMED.search(unicodedata.name(char, ""))
    return named.group(1).lower() if named else plain


def fold(text: str) -> Folded:
    """Fold a text. Linear in its length."""
    pairs = [(p, i, c) for i, c in enumerate(text) if c not in _APOSTROPHES for p in _plain(c)]
    folded: list[tuple[str, int]] = []
    for is_word, run in groupby(pairs, key=lambda pair: pair[0].isalnum()):
        chars = list(run)
        folded.extend(_as_latin(chars) if is_word else ((p, i) for p, i, _ in chars))
    return Folded("".join(c for c, _ in folded), tuple(i for _, i in folded), text)


def _as_latin(word: list[tuple[str, int, str]]) -> Iterator[tuple[str, int]]:
    """A word in Latin letters if it mixes scripts or consists of look-alikes only; else as it is (honest Cyrillic)."""
    if all(p.isascii() for p, _, _ in word):
        return ((p, i) for p, i, _ in word)
    mixed = any(p.isascii() and p.isalpha() for p, _, _ in word)
    table = _lookalikes_of_small_letters() if mixed else _lookalikes()
    looks = [p if p.isascii() else table.get(original, table.get(p, "")) for p, _, original in word]
    if not mixed and not all(looks):
        looks = [p for p, _, _ in word]
    return ((look or p, i) for look, (p, i, _) in zip(looks, word, strict=True))


@dataclass(frozen=True)
class Term:
    """A word or phrase to look for. A trailing `*` lets it begin a longer word (`behead*`: beheading)."""

    words: str

    def sightings(self, folded: Folded, ordinary: frozenset[str]) -> Iterator[Sighting]:
        """Where the term stands in the text. `ordinary` words are never pieces of a hidden one ("our hero in")."""
        for match in _pattern(self.words).finditer(folded.text):
            sighting = _judge(match, ordinary)
            if sighting:
                yield sighting


@lru_cache(maxsize=4096)
def _pattern(words: str) -> re.Pattern[str]:
    """Pattern of a term. Every gap is a group, so that `_judge` sees the pieces; gaps between words have names."""
    parts = fold(words.rstrip("*")).text.split()
    gap = _GAP if len(parts) == 1 else _GAP_IN_PHRASE
    body = _letters(parts[0], gap) + "".join(rf"(?P<w{i}>[\W_]{{1,4}})" + _letters(p, gap) for i, p in enumerate(parts[1:]))
    return re.compile(_NOT_A_WORD_BEFORE + body + (r"[^\W\d_]*" if words.endswith("*") else "") + _NOT_A_WORD_AFTER)


def _letters(word: str, gap: str) -> str:
    """Each letter as its class; a letter may also be drawn out (kiiiill), but not merely doubled (god, good)."""
    runs = [(_class(c, _MASK), _class(c), len(list(group))) for c, group in groupby(word)]
    return gap.join(gap.join([c] * n) + f"(?:{again}{again}+)?" for c, again, n in runs)


def _class(letter: str, more: str = "") -> str:
    return "[" + "".join(re.escape(c) for c in letter + _LEET.get(letter, "") + more) + "]"


def _judge(match: re.Match[str], ordinary: frozenset[str]) -> Sighting | None:
    """Drop what is mere numbers (455 is no word) or pieces of ordinary words; doubt what was glued from pieces."""
    words = _words(match)
    letters = [c for pieces in words for piece in pieces for c in piece if c.isalnum() or c in _SYMBOLS]
    genuine = sum(c.isalpha() for c in letters)
    if genuine < 2 or 3 * genuine <= len(letters):
        return None
    glued = [pieces for pieces in words if len(pieces) > 1 and any(len(piece) > 1 for piece in pieces)]
    if any(piece in ordinary for pieces in glued for piece in pieces if len(piece) > 1):
        return None
    return Sighting(match.start(), match.end(), sure=not glued)


def _words(match: re.Match[str]) -> list[list[str]]:
    """The words of the match, each as the pieces between its gaps that are not empty."""
    named = set(match.re.groupindex.values())
    words: list[list[str]] = [[]]
    text, at = match.string, match.start()
    for group in range(1, match.re.groups + 1):
        start, end = match.span(group)
        if end > start:
            words[-1].append(text[at:start])
            at = end
        if group in named:
            words.append([])
    words[-1].append(text[at : match.end()])
    return words
