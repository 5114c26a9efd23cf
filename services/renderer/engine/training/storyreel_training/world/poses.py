"""How figures and products move: their pose at every moment, as functions of time in seconds; at 0 an action can be told."""

from collections.abc import Callable

import numpy as np

from storyreel_training.world.camera import walked
from storyreel_training.world.facts import Facts
from storyreel_training.world.puppet import Pose

_TURN = 2 * np.pi


def figure_pose(facts: Facts, seconds: float) -> Pose:
    """The character's pose."""
    beat = _TURN * seconds
    if facts.action == "walk":
        return _walk(beat, walked(facts, seconds))
    return _POSES.get(facts.action, _stand)(beat)


def product_pose(facts: Facts, seconds: float) -> Pose:
    """The pose of a product that is alone in the picture."""
    beat = _TURN * seconds
    if facts.action == "spin":
        return Pose(wide=_turning(beat))
    if facts.action == "float":
        return Pose(y=-0.16 - 0.06 * float(np.sin(beat * 0.75)), lean=9 * float(np.cos(beat * 0.5)))
    return Pose()


def _stand(beat: float) -> Pose:
    breath = float(np.sin(beat * 0.75))
    return Pose(tall=1 + 0.012 * breath, angles=(("head", 2.5 * breath), ("tail", 6 * breath), ("arm left", breath * 2)))


def _walk(beat: float, x: float) -> Pose:
    swing = float(np.cos(beat * 1.6)) * 30
    angles = (("leg left", swing), ("leg right", -swing), ("arm left", -swing * 0.8), ("arm right", swing * 0.8))
    bob = -0.035 * abs(float(np.sin(beat * 1.6)))
    return Pose(x, bob, lean=4, angles=(*angles, ("head", swing * 0.1), ("tail", swing * 0.4)))


def _wave(beat: float) -> Pose:
    wag = float(np.sin(beat * 1.7)) * 22
    return Pose(lean=-2, angles=(("arm right", -102 + wag), ("head", 4 + wag * 0.15), ("tail", wag * 0.5)))


def _spin(beat: float) -> Pose:
    return Pose(wide=_turning(beat), angles=(("arm left", 38), ("arm right", -38)))


def _turning(beat: float) -> float:
    """The width of what turns about its own axis; a paper figure is never seen from its edge."""
    wide = float(np.cos(beat / 1.04 + 0.7))
    return float(np.copysign(max(abs(wide), 0.3), wide))


def _dance(beat: float) -> Pose:
    sway = float(np.cos(beat * 0.96))
    lift = -0.05 * abs(float(np.sin(beat * 0.96)))
    angles = (("arm left", 62 + 30 * sway), ("arm right", -62 + 30 * sway), ("head", -9 * sway), ("tail", 20 * sway))
    return Pose(0.05 * sway, lift, lean=9 * sway, angles=(*angles, ("leg left", -8 * sway), ("leg right", -8 * sway)))


def _pour(beat: float) -> Pose:
    return Pose(angles=(("arm right", -72 + 2 * float(np.sin(beat))), ("head", 6.0)))


def _jump(beat: float) -> Pose:
    up = float(np.sin(beat / 1.04 + 0.65))
    if up > 0:
        return Pose(y=-0.34 * up, tall=1 + 0.05 * up, wide=1 - 0.03 * up,
                    angles=(("arm left", 70 * up), ("arm right", -70 * up), ("leg left", 14), ("leg right", -14)))  # fmt: skip
    return Pose(tall=1 + 0.14 * up, wide=1 - 0.1 * up, angles=(("arm left", 16), ("arm right", -16)))


_POSES: dict[str, Callable[[float], Pose]] = {
    "jump": _jump, "wave": _wave, "spin": _spin, "dance": _dance, "pour": _pour,
}  # fmt: skip
