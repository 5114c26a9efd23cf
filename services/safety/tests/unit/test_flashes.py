"""The broadcast rule at its edges: rate, area, contrast, darkness, red; and what must pass."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safety_fakes import blinking, grey, noise
from storyreel_safety.domain.flashes import Flashing, FlashMeter, linear, luminance, red
from storyreel_safety.domain.policy import Policy

Picture = NDArray[np.uint8]


def found(
    policy: Policy, picture: Callable[[int], Picture], fps: int = 24, seconds: float = 3, *, of_red: bool = False
) -> list[Flashing]:
    rules = policy.footage["take"]
    meter = FlashMeter(rules.red_flash if of_red else rules.flash, fps)
    results = []
    for i in range(int(seconds * fps)):
        light = linear(picture(i), policy.display.gamma)
        results.append(meter.feed(i, red(light) if of_red else luminance(light, policy.display)))
    return [r for r in results if r]


@pytest.mark.parametrize("fps", [16, 24, 25, 30, 60])
def test_three_hertz_pass_and_four_are_found(policy: Policy, fps: int) -> None:
    assert not found(policy, blinking(3, fps), fps)
    assert found(policy, blinking(4, fps), fps)


def test_a_single_second_of_four_hertz_in_a_calm_minute_is_found_where_it_is(policy: Policy) -> None:
    flashing = blinking(4, 24)
    hits = found(policy, lambda i: flashing(i) if 720 <= i < 744 else grey(0, 100, 100), seconds=60)
    assert 720 <= hits[0].frame <= 745


@pytest.mark.parametrize(("share", "harmful"), [(0.24, False), (0.25, False), (0.26, True)])
def test_a_quarter_of_the_picture_may_flash_and_no_more(policy: Policy, share: float, harmful: bool) -> None:
    assert bool(found(policy, blinking(6, 24, share=share))) is harmful


def _code(candela: float) -> int:
    return round((candela / 200) ** (1 / 2.2) * 255)


@given(st.integers(0, 150), st.integers(2, 12))
@settings(max_examples=25, deadline=None)
def test_changes_below_twenty_candela_pass_and_above_are_found(policy: Policy, dark: int, hertz: int) -> None:
    small = blinking(hertz, 24, low=_code(dark), high=_code(dark + 17))
    assert not found(policy, small)
    large = blinking(hertz, 24, low=_code(dark), high=_code(dark + 23))
    assert bool(found(policy, large)) is (hertz > 3)


def test_flashing_between_bright_states_passes(policy: Policy) -> None:
    assert not found(policy, blinking(6, 24, low=_code(165), high=_code(199)))
    assert found(policy, blinking(6, 24, low=_code(150), high=_code(199)))


def test_a_slow_fade_and_a_cut_every_half_second_pass(policy: Policy) -> None:
    assert not found(policy, lambda i: grey(abs((i * 4) % 510 - 255)), seconds=8)
    assert not found(policy, lambda i: grey(40 if (i // 12) % 2 else 220), seconds=8)


def test_ramped_flashes_are_found_like_square_ones(policy: Policy) -> None:
    """A decoder or a dissolve spreads a flash over frames; the opposing change is the same."""
    assert found(policy, lambda i: grey(int(127 + 127 * np.sin(2 * np.pi * 5 * i / 60))), fps=60)


def test_flashes_that_wander_over_the_picture_are_found(policy: Policy) -> None:
    """No place flashes often, but the picture does: each flash lights another third."""

    def wandering(i: int) -> Picture:
        made, third = grey(0, 99, 99), (i // 4) % 3
        if (i // 2) % 2 == 0:
            made[:, third * 33 : third * 33 + 33] = 255
        return made

    assert found(policy, wandering)


def test_places_that_flash_out_of_step_are_found(policy: Policy) -> None:
    """The mean brightness never changes: a detector of mean luminance would see nothing."""

    def checkers(i: int) -> Picture:
        made = grey(0, 100, 100)
        made[:, :50] = 255 if (i // 3) % 2 else 0
        made[:, 50:] = 0 if (i // 3) % 2 else 255
        return made

    assert {checkers(i).mean() for i in range(24)} == {127.5}
    assert found(policy, checkers)


def test_low_contrast_noise_and_still_pictures_pass(policy: Policy) -> None:
    assert not found(policy, noise)
    assert not found(policy, lambda _: grey(128))
    assert not found(policy, noise, of_red=True)


def test_saturated_red_is_found_though_its_luminance_hardly_changes(policy: Policy) -> None:
    def alarm(i: int) -> Picture:
        made = grey(0)
        made[:] = (150, 0, 0) if (i // 3) % 2 else (54, 54, 54)
        return made

    assert not found(policy, alarm), "the two states are within 20 cd/m²"
    assert found(policy, alarm, of_red=True)
    assert not found(policy, lambda i: alarm(i // 3), of_red=True), "slowed down it passes"


@given(st.integers(0, 2**32 - 1), st.floats(4.01, 11.5))
@settings(max_examples=20, deadline=None)
def test_a_planted_flash_is_found_under_any_noise(policy: Policy, seed: int, hertz: float) -> None:
    wave = blinking(hertz, 24, share=0.4, low=20, high=235)

    def noisy(i: int) -> Picture:
        grain = np.random.default_rng([seed, i]).integers(-12, 12, (100, 100, 3))
        return np.clip(wave(i).astype(np.int16) + grain, 0, 255).astype(np.uint8)

    assert found(policy, noisy)
