"""Black and frozen runs: found at their limit, and honest stills pass."""

import numpy as np
from safety_fakes import grey, noise
from storyreel_safety.domain.footage import FootageCheck, Look
from storyreel_safety.domain.policy import Policy, Stage


def alarms(policy: Policy, pictures: list[np.ndarray], stage: Stage = "take", fps: float = 24) -> list[str]:
    check = FootageCheck(policy, stage, fps)
    looks = (Look(i, p, p[..., 1]) for i, p in enumerate(pictures))
    return [alarm.rule for look in looks for alarm in check.feed(look)]


def test_black_is_found_after_its_limit_and_once(policy: Policy) -> None:
    night = [noise(i) for i in range(10)]
    assert alarms(policy, [*night, *[grey(3)] * 9, *night]) == []
    assert alarms(policy, [*night, *[grey(3)] * 11, *night, *[grey(3)] * 11]) == ["black"]


def test_a_dark_scene_with_a_lamp_is_not_black(policy: Policy) -> None:
    scene = [noise(i, amplitude=2) - 120 for i in range(48)]
    for picture in scene:
        picture[30:45, 60:80] = 140
    assert alarms(policy, scene) == []


def test_a_picture_that_repeats_to_the_bit_is_frozen(policy: Policy) -> None:
    assert alarms(policy, [noise(1)] * 50) == ["frozen"]
    assert alarms(policy, [noise(1)] * 49) == [], "48 repeats are two seconds, and no more"


def test_a_static_shot_with_a_blink_or_grain_is_not_frozen(policy: Policy) -> None:
    """Negative control of the frozen rule: one changed pixel in each frame is life."""
    still = noise(1)
    blinking = [still.copy() for _ in range(120)]
    for i, picture in enumerate(blinking):
        picture[40, 64] = 40 + (i % 2) * 20
    assert alarms(policy, blinking) == []


def test_an_end_card_of_ten_seconds_passes_in_a_film_but_a_longer_still_is_asked_about(policy: Policy) -> None:
    assert alarms(policy, [noise(1)] * 240, stage="film") == []
    assert alarms(policy, [noise(1)] * 300, stage="film") == ["frozen"]
    assert policy.footage["film"].frozen.severity == "review"


def test_every_rule_speaks_once_per_clip(policy: Policy) -> None:
    wild = [grey(255 if (i // 2) % 2 else 0) for i in range(96)]
    assert sorted(alarms(policy, wild)) == ["flash"]
