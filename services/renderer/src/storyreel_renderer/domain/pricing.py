"""What device time costs, and what a render is expected to need before any of it is spent."""

import math

from storyreel_contracts.brief import Tier
from storyreel_contracts.plan import ModelCard
from storyreel_contracts.planning import RenderSpec


def cost_micros(device_seconds: float, price_micros: int) -> int:
    """Millionths of a US dollar for `device_seconds` at `price_micros` per device second, rounded up."""
    return math.ceil(device_seconds * price_micros)


def expected_device_seconds(card: ModelCard, tier: Tier, spec: RenderSpec, done: int = 0) -> float:
    """The card's figure for a full-length render of `tier`, scaled to this spec's frames, pixels, and steps beyond `done`.

    A draft is the beginning of a final and costs its share of one. Linear in all three: past the device's knee a step costs
    what it computes, and the figure only orders and prices.
    """
    wanted = Tier.FINAL if spec.stop_after else tier
    stage = wanted if wanted in card.device_seconds else card.stages[0]
    pixels = max((w * h for w, h in card.sizes.get(stage, {}).values()), default=spec.width * spec.height)
    share = spec.frames / card.max_frames * spec.width * spec.height / pixels
    steps = max(0, (spec.stop_after or spec.steps) - done)
    return card.device_seconds.get(stage, 1.0) * share * steps / card.steps.get(stage, spec.steps)
