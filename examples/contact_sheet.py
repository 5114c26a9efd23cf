"""Make a contact sheet of a film: python examples/contact_sheet.py out/<film_id> docs/contact-sheet.jpg

Two frames of every shot in 16:9 (from timeline.otio) above a strip of the 9:16 film.
"""

import json
import sys
from pathlib import Path

import av
from PIL import Image

_WIDE, _TALL, _GAP = (320, 180), (180, 320), 6


def frames_at(film: Path, times: list[float], size: tuple[int, int]) -> list[Image.Image]:
    """The frames shown at these times (seconds), in order, scaled to size."""
    found: list[Image.Image] = []
    with av.open(str(film)) as container:
        for frame in container.decode(video=0):
            if len(found) < len(times) and float(frame.time or 0) >= times[len(found)]:
                found.append(frame.to_image(width=size[0], height=size[1]))
    return found


def shots_of(timeline: Path) -> list[tuple[float, float]]:
    """Start and length in seconds of each clip on the first video track."""
    tracks = json.loads(timeline.read_text())["tracks"]["children"]
    video = next(t for t in tracks if t["kind"] == "Video")
    spans, at = [], 0.0
    for clip in (c for c in video["children"] if c["OTIO_SCHEMA"].startswith("Clip")):
        length = clip["source_range"]["duration"]
        spans.append((at, length["value"] / length["rate"]))
        at += length["value"] / length["rate"]
    return spans


def main(folder: Path, target: Path) -> None:
    """Draw the sheet."""
    spans = shots_of(folder / "timeline.otio")
    wide = frames_at(folder / "film-16x9.mp4", [s + d * x for s, d in spans for x in (0.2, 0.75)], _WIDE)
    tall = frames_at(folder / "film-9x16.mp4", [s + d / 2 for s, d in spans], _TALL)
    columns = (len(wide) + 1) // 2
    width = columns * (_WIDE[0] + _GAP) + _GAP
    sheet = Image.new("RGB", (width, 2 * (_WIDE[1] + _GAP) + _TALL[1] + 2 * _GAP), "#101114")
    for i, picture in enumerate(wide):
        sheet.paste(picture, (_GAP + (i // 2) * (_WIDE[0] + _GAP), _GAP + (i % 2) * (_WIDE[1] + _GAP)))
    for i, picture in enumerate(tall):
        left = _GAP + i * (_WIDE[0] + _GAP) + (_WIDE[0] - _TALL[0]) // 2
        sheet.paste(picture, (left, 2 * (_WIDE[1] + _GAP) + _GAP))
    target.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(target, quality=85)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
