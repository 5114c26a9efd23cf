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


def test_a_model_of_the_hub_needs_no_folder_and_is_not_fetched_unless_that_is_said() -> None:
    card = Path("/etc/wan.json")
    parameters = {"model_id": "org/wan", "revision": "abc", "model_card": str(card)}
    expected = EngineSettings(None, model_id="org/wan", revision="abc", model_card=card)
    assert read_settings({}, parameters) == expected
    assert read_settings({"STORYREEL_DOWNLOAD": "on"}, parameters).download


def test_the_defaults_need_nothing_but_a_folder() -> None:
    assert read_settings({}, {"model_dir": "m"}) == EngineSettings(Path("m"))


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({}, "STORYREEL_MODEL_DIR"),
        ({"STORYREEL_MODEL_DIR": "m", "STORYREEL_MAX_JOBS": "many"}, "STORYREEL_MAX_JOBS"),
        ({"STORYREEL_MODEL_DIR": "m", "STORYREEL_TORCH_THREADS": "0"}, "STORYREEL_TORCH_THREADS"),
        ({"STORYREEL_MODEL_DIR": "m", "STORYREEL_GUARD": "perhaps"}, "STORYREEL_GUARD"),
        ({"STORYREEL_MODEL_DIR": "m", "STORYREEL_MEMORY_MIB": "plenty"}, "STORYREEL_MEMORY_MIB"),
        ({"STORYREEL_MODEL_DIR": "m", "STORYREEL_MAX_BATCH": "-1"}, "STORYREEL_MAX_BATCH"),
        ({"STORYREEL_MODEL_DIR": "m", "STORYREEL_JOINT_GUIDANCE": "sometimes"}, "STORYREEL_JOINT_GUIDANCE"),
    ],
)
def test_what_is_missing_or_wrong_is_named(environment: dict[str, str], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        read_settings(environment, {})


def test_memory_and_batch_are_the_devices_and_the_cards_own_unless_they_are_set() -> None:
    plain = read_settings({}, {"model_dir": "m", "memory_mib": "auto"})
    assert (plain.memory_mib, plain.max_batch) == (None, 0)
    told = read_settings({"STORYREEL_MEMORY_MIB": "512", "STORYREEL_MAX_BATCH": "4"}, {"model_dir": "m"})
    assert (told.memory_mib, told.max_batch) == (512.0, 4)
