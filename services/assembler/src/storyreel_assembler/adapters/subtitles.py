"""captions.vtt: the same words and times as in the picture, for players and for people who read by other means."""

from math import floor

import webvtt

from storyreel_assembler.domain.captions import LINE_CHARS, Cue, break_lines
from storyreel_assembler.domain.film import Film

RLM = "\u200f"


def write_vtt(film: Film, cues: list[Cue]) -> str:
    """The WebVTT file's text. It is parsed back before it is given out: what a player cannot read is not written."""
    width = min(LINE_CHARS[aspect] for aspect in film.aspects)
    document = webvtt.WebVTT()
    for index, cue in enumerate(cues, start=1):
        lines = [_escaped(line) for line in break_lines(cue.text, width)]
        caption = webvtt.Caption(_stamp(cue.first, film.fps), _stamp(cue.end, film.fps), lines)
        caption.identifier = str(index)
        document.captions.append(caption)
    text = str(document.content)
    if len(webvtt.from_string(text).captions) != len(cues):
        raise ValueError("captions.vtt does not read back as it was written")
    return text + "\n"


def _escaped(line: str) -> str:
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _stamp(frame: int, fps: int) -> str:
    """`HH:MM:SS.mmm` of a frame's beginning, never before it (a player at that time shows that frame)."""
    millis = -floor(-frame * 1000 / fps)
    seconds, millis = divmod(millis, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{millis:03d}"
