"""Device seconds and what they cost."""

from hypothesis import given
from hypothesis import strategies as st
from renderer_fakes import a_request
from storyreel_contracts import Tier
from storyreel_renderer.cards import null_card
from storyreel_renderer.domain.pricing import cost_micros, expected_device_seconds


@given(st.floats(min_value=0, max_value=1e6), st.integers(min_value=0, max_value=10**6))
def test_cost_is_rounded_up_to_whole_micros(seconds: float, price: int) -> None:
    exact, charged = seconds * price, cost_micros(seconds, price)
    assert exact <= charged <= exact + 1


def test_a_full_length_render_is_expected_to_need_what_the_card_says() -> None:
    card = null_card()
    width, height = card.sizes[Tier.FINAL]["16:9"]
    full = {"frames": card.max_frames, "width": width, "height": height, "steps": card.steps[Tier.FINAL]}
    spec = a_request(tier=Tier.FINAL).spec.model_copy(update=full)
    assert expected_device_seconds(card, Tier.FINAL, spec) == card.device_seconds[Tier.FINAL]
    half = spec.model_copy(update={"steps": spec.steps // 2})
    assert expected_device_seconds(card, Tier.FINAL, half) == card.device_seconds[Tier.FINAL] / 2
