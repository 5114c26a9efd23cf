"""When captions stand and how they break into lines: text to cues, cues to lines.

The rules are those of broadcast subtitling: two lines of at most 42 characters, 5/6 s to 7 s a cue, two frames
between cues, 17 characters a second. A cue has the same words and times in every aspect and in the WebVTT file.
"""

import re
import unicodedata
from dataclasses import dataclass
from math import ceil

from storyreel_assembler.domain.film import Aspect, Film, Shot
from storyreel_assembler.domain.layout import Placed, Span

LINES = 2
SENTENCE = re.compile(r"[^.!?\u2026\u061f\u0964\u3002]+[.!?\u2026\u061f\u0964\u3002]*")
GAP_FRAMES = 2
BREAKS = {".!?\u2026\u061f\u0964\u3002:;": 0.5, ",\u060c": 0.25}  # how many widths of unevenness a pause is worth
LONGEST_S = 7.0
SHORTEST_S = 5 / 6
FASTEST_CPS = 17.0
LINE_CHARS: dict[Aspect, int] = {"16:9": 42, "9:16": 30, "1:1": 34}


@dataclass(frozen=True, slots=True)
class Cue:
    """Words on the screen for frames `first <= f < end` of the film."""

    first: int
    end: int
    text: str


def cues_of(film: Film, shot: Shot, placed: Placed) -> tuple[Cue, ...]:
    """The cues of one shot: they stand while only this shot is in the picture, so no dissolve carries words.

    Where an end card leaves the shot too little time for its words, they stand on the card as well.
    """
    text = " ".join(shot.caption.split())
    stage = _stage(text, placed, film.fps)
    if not text or not stage.frames:
        return ()
    width = min(LINE_CHARS[aspect] for aspect in film.aspects)
    parts = _parts(text, width)
    room = stage.frames - GAP_FRAMES * len(parts)
    if room < len(parts):
        return (Cue(stage.first, stage.end, text),)
    return tuple(_timed(parts, stage.first, room, round(LONGEST_S * film.fps)))


def _stage(text: str, placed: Placed, fps: int) -> Span:
    wanted = max(SHORTEST_S, len(text) / FASTEST_CPS) * fps
    if placed.carded and placed.clear.frames - GAP_FRAMES < wanted:
        return Span(placed.clear.first, placed.span.end)
    return placed.clear


def problems_with(cues: tuple[Cue, ...], fps: int) -> list[str]:
    """What a reader will find hard, in words for the manifest: too fast or too short. Empty when all is well."""
    found = []
    for cue in cues:
        seconds = (cue.end - cue.first) / fps
        if seconds < SHORTEST_S:
            found.append(f"caption {cue.text!r} stands {seconds:.2f} s, shorter than {SHORTEST_S:.2f} s")
        if len(cue.text) / seconds > FASTEST_CPS:
            found.append(f"caption {cue.text!r} reads at {len(cue.text) / seconds:.0f} characters a second")
    return found


def break_lines(text: str, width: int, lines: int = LINES) -> list[str]:
    """Break into at most `lines` lines of at most `width` characters, the lines as even as they can be.

    Where the text does not fit (`len(text)` far above `lines * width`) the last line takes the rest.
    """
    if len(text) <= width:
        return [text]
    words = _words(text, width)
    if lines == LINES and (halves := _halves(words, width)):
        return halves
    count = min(lines, ceil(len(text) / width))
    for limit in range(ceil(len(text) / count), width + 1):
        rows = _fill(words, limit)
        if len(rows) <= lines:
            return rows
    rows = _fill(words, width)
    return [*rows[: lines - 1], " ".join(rows[lines - 1 :])]


def _halves(words: list[str], width: int) -> list[str]:
    """Two lines as even as can be, rather broken after a sentence or a comma; empty when no break fits."""
    best: tuple[float, list[str]] | None = None
    for at in range(1, len(words)):
        rows = [" ".join(words[:at]), " ".join(words[at:])]
        if max(map(len, rows)) > width:
            continue
        bonus = next((share for marks, share in BREAKS.items() if rows[0][-1] in marks), 0.0)
        uneven = abs(len(rows[0]) - len(rows[1])) - bonus * width
        if best is None or uneven < best[0]:
            best = (uneven, rows)
    return best[1] if best else []


def _timed(parts: list[str], first: int, room: int, longest: int) -> list[Cue]:
    """Share `room` frames by length of text; after each cue stands its gap."""
    whole = sum(len(part) for part in parts)
    cues, at, read = [], first, 0
    for index, part in enumerate(parts):
        read += len(part)
        end = first + index * GAP_FRAMES + max(round(room * read / whole), index + 1)
        cues.append(Cue(at, min(end, at + longest), part))
        at = end + GAP_FRAMES
    return cues


def _parts(text: str, width: int) -> list[str]:
    """Cut into as few and as even parts as fit on `LINES` lines each."""
    rows = _fill(_words(text, width), width)
    count = ceil(len(rows) / LINES)
    if count == 1:
        return [text]
    sentences = _sentences(text, width)
    if sentences and len(sentences) <= count:
        return sentences
    for limit in range(ceil(len(text) / count), LINES * width + 1):
        parts = _fill(_words(text, width), limit)
        if len(parts) <= count and all(len(_fill(_words(part, width), width)) <= LINES for part in parts):
            return parts
    return [" ".join(rows[at : at + LINES]) for at in range(0, len(rows), LINES)]


def _sentences(text: str, width: int) -> list[str]:
    """Whole sentences, as many to a cue as fit; empty when one of them alone does not."""
    parts: list[str] = []
    for sentence in (match.strip() for match in SENTENCE.findall(text)):
        joined = f"{parts[-1]} {sentence}" if parts else sentence
        if parts and len(_fill(_words(joined, width), width)) <= LINES:
            parts[-1] = joined
        else:
            parts.append(sentence)
    return parts if all(len(_fill(_words(part, width), width)) <= LINES for part in parts) else []


def _fill(words: list[str], limit: int) -> list[str]:
    """Greedy lines of at most `limit` characters; a word longer than the limit stands alone."""
    rows: list[str] = []
    for word in words:
        if rows and len(rows[-1]) + 1 + len(word) <= limit:
            rows[-1] = f"{rows[-1]} {word}"
        else:
            rows.append(word)
    return rows


def _words(text: str, width: int) -> list[str]:
    return [piece for word in text.split() for piece in _chop(word, width)]


def _chop(word: str, width: int) -> list[str]:
    """Cut a word that no line holds, never between a letter and its marks or inside a joined emoji."""
    if len(word) <= width:
        return [word]
    clusters: list[str] = []
    for char in word:
        joined = clusters and (unicodedata.combining(char) or char in "\u200d\ufe0f" or clusters[-1].endswith("\u200d"))
        if joined or (clusters and unicodedata.category(char) in {"Mn", "Mc", "Me"}):
            clusters[-1] += char
        else:
            clusters.append(char)
    pieces = [""]
    for cluster in clusters:
        if pieces[-1] and len(pieces[-1]) + len(cluster) > width:
            pieces.append("")
        pieces[-1] += cluster
    return pieces
