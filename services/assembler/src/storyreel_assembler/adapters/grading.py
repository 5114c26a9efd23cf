"""The grade on pixels: measuring a take's look in CIELAB and turning a grade into a table of colours."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from storyreel_assembler.domain.grade import Grade, Look

Floats = NDArray[np.float64]
SIDE = 25  # grid points of the table per channel
_TO_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])
_WHITE = np.array([0.95047, 1.0, 1.08883])  # D65


def to_lab(rgb: Floats) -> Floats:
    """sRGB 0..1 (`... x 3`) to CIELAB under D65 (IEC 61966-2-1, CIE 15)."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _TO_XYZ.T / _WHITE
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def to_rgb(lab: Floats) -> Floats:
    """CIELAB under D65 to sRGB, clipped to 0..1."""
    y = (lab[..., 0] + 16) / 116
    f = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
    xyz = np.where(f > 6 / 29, f**3, (116 * f - 16) / (24389 / 27)) * _WHITE
    linear = np.clip(xyz @ np.linalg.inv(_TO_XYZ).T, 0.0, 1.0)
    return np.asarray(np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055))


def look_of(pictures: Iterable[NDArray[np.uint8]], every: int = 4) -> Look:
    """Mean look over every `every`-th picture, on at most some thousands of pixels of each."""
    rows = [to_lab(picture[::2, ::2].astype(np.float64) / 255) for i, picture in enumerate(pictures) if i % every == 0]
    lab = np.concatenate([row.reshape(-1, 3) for row in rows])
    mean = lab.mean(axis=0)
    chroma = float(np.hypot(lab[:, 1], lab[:, 2]).mean())
    return Look(float(mean[0]), float(lab[:, 0].std()), float(mean[1]), float(mean[2]), chroma)


@dataclass(frozen=True)
class Table:
    """A grade as a three-dimensional colour table."""

    lut: ImageFilter.Color3DLUT

    def apply(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The graded picture, same shape."""
        return np.asarray(Image.fromarray(picture).filter(self.lut))


def table_of(grade: Grade) -> Table | None:
    """The table of a grade; None for the grade that changes nothing."""
    if grade == Grade(pivot=grade.pivot):
        return None
    axis = np.linspace(0.0, 1.0, SIDE)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")  # red runs fastest, as the table wants it
    lab = to_lab(np.stack([red, green, blue], axis=-1).reshape(-1, 3))
    light = lab[:, 0]
    hold = np.clip(np.minimum(light, 100 - light) / 20, 0.0, 1.0)  # black stays black, white stays white
    moved = (light - grade.pivot) * grade.contrast + grade.pivot + grade.lift
    lab[:, 0] = light + (moved - light) * hold
    lab[:, 1] = lab[:, 1] * grade.saturation + grade.a * hold
    lab[:, 2] = lab[:, 2] * grade.saturation + grade.b * hold
    return Table(ImageFilter.Color3DLUT(SIDE, to_rgb(lab).ravel().tolist()))
