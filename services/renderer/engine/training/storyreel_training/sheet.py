"""Contact sheets: many frames in one picture, to be looked at by a person."""

from pathlib import Path

import cv2
import numpy as np

from storyreel_training.world.paint import Pixels


def write_sheet(path: Path, rows: list[list[Pixels]], gap: int = 4) -> None:
    """Write rows of equally high RGB frames as one PNG on a dark ground."""
    width = max(sum(f.shape[1] + gap for f in line) for line in rows) + gap
    height = sum(line[0].shape[0] + gap for line in rows) + gap
    sheet = np.full((height, width, 3), 24, np.uint8)
    y = gap
    for line in rows:
        x = gap
        for frame in line:
            sheet[y : y + frame.shape[0], x : x + frame.shape[1]] = frame
            x += frame.shape[1] + gap
        y += line[0].shape[0] + gap
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), np.ascontiguousarray(sheet[..., ::-1])):
        raise OSError(f"{path}: the picture could not be written")
