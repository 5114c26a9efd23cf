"""Settings: environment over config parameters over defaults, and a clear word for what is wrong."""

from pathlib import Path

import pytest
from storyreel_engine.settings import EngineSettings, read_settings


def test_the_environment_wins_over_the_parameters_and_empty_values_count_as_absent() -> None:
    read = read_settings(
        {"STORYREEL_MODEL_DIR": "/models/a", "STORYREEL_DEVICE": ""},
        {"model_dir": "/models/b", "device": "cpu", "torch_threads": "1", "guard": "off"},
    )
    assert read == EngineSettings(Path("/models/a"), device="cpu", torch_threads=1, guard=False)


def test_the_defaults_need_nothing_but_a_folder() -> None:
    assert read_settings({}, {"model_dir": "m"}) == EngineSettings(Path("m"))


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({}, "STORYREEL_MODEL_DIR"),
        ({"STORYREEL_MODEL_DIR": "m", "STORYREEL_MAX_JOBS": "many"}, "STORYREEL_MAX_JOBS"),
        ({"STORYREEL_MODEL_DIR": "m", "STORYREEL_TORCH_THREADS": "0"}, "STORYREEL_TORCH_THREADS"),
        ({"STORYREEL_MODEL_DIR": "m", "STORYREEL_GUARD": "perhaps"}, "STORYREEL_GUARD"),
    ],
)
def test_what_is_missing_or_wrong_is_named(environment: dict[str, str], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        read_settings(environment, {})
