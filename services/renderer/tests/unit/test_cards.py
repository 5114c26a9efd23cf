"""The null engine's pictures move without flashing, and its card can be handed to the planner."""

from itertools import pairwise

import numpy as np
import pytest
from renderer_fakes import a_request
from storyreel_renderer.adapters.null_engine import gradient
from storyreel_renderer.cards import main, null_card


def test_every_frame_differs_from_the_one_before_and_none_is_dark_or_flashes() -> None:
    spec = a_request().spec.model_copy(update={"width": 256, "height": 144, "frames": 33})
    frames = gradient(spec).astype(float)
    assert all((np.abs(b - a) >= 1).mean() > 0.02 for a, b in pairwise(frames))
    levels = frames.mean(axis=(1, 2, 3))
    assert levels.min() > 60
    assert np.abs(np.diff(levels)).max() < 5


def test_the_card_command_prints_the_card_and_refuses_others(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["null"]) == 0
    assert type(null_card()).model_validate_json(capsys.readouterr().out) == null_card()
    assert main(["wan"]) == 2
