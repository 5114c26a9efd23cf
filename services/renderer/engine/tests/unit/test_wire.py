"""REQUEST as it comes from outside: what is right is read whole, what is wrong is refused by the field's name."""

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from engine_fakes import request
from hypothesis import given
from hypothesis import strategies as st
from storyreel_engine.failures import InvalidInputError
from storyreel_engine.wire import CancelRequest, DescribeRequest, Event, RenderRequest, Tier, parse_request

RENDER: dict[str, Any] = {
    "op": "render",
    "job_id": "j",
    "prompt": "a shoe",
    "width": 32,
    "height": 16,
    "frames": 5,
    "steps": 3,
    "seed": 1,
}

REQUESTS = st.builds(
    RenderRequest,
    job_id=st.text(max_size=40),
    prompt=st.text(max_size=200),
    width=st.integers(1, 4096),
    height=st.integers(1, 4096),
    frames=st.integers(1, 500),
    steps=st.integers(1, 1000),
    seed=st.integers(0, 2**63 - 1),
    fps=st.floats(0, 120),
    guidance=st.floats(0, 30),
    negative_prompt=st.text(max_size=50),
    tier=st.sampled_from(Tier),
    deadline_unix=st.none() | st.floats(0, 1e11),
    checkpoint_every=st.integers(0, 100),
    model_version=st.text(max_size=10),
    stop_after=st.just(0) | st.just(1),
    window=st.integers(0, 500),
    share=st.text(max_size=10),
    lora=st.text(max_size=10),
    lora_scale=st.floats(0, 2, exclude_min=True),
)


@given(REQUESTS)
def test_a_request_comes_back_as_it_was_written(written: RenderRequest) -> None:
    assert parse_request(json.dumps({"op": "render", **asdict(written)}).encode()) == written


def read_or_refused(raw: bytes) -> object:
    """What was read, or the field that was refused; any other exception is the test's failure."""
    try:
        return parse_request(raw)
    except InvalidInputError as error:
        return str(error).split(":")[0]


@given(st.binary(max_size=200))
def test_any_bytes_are_either_read_or_refused_with_words(raw: bytes) -> None:
    assert read_or_refused(raw)


WRONG = st.none() | st.text() | st.floats() | st.booleans()


@given(st.dictionaries(st.sampled_from([*RENDER, "fps", "tier", "guidance", "lora", "lora_scale"]), WRONG))
def test_any_wrong_values_are_either_read_or_refused_by_name(wrong: dict[str, object]) -> None:
    outcome = read_or_refused(json.dumps({**RENDER, **wrong}).encode())
    assert isinstance(outcome, RenderRequest | CancelRequest | DescribeRequest) or outcome in wrong


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("job_id", None),
        ("prompt", 5),
        ("prompt", "x" * 100_000),
        ("width", 0),
        ("width", 12.5),
        ("height", "16"),
        ("frames", -1),
        ("steps", 10_000),
        ("seed", -1),
        ("seed", True),
        ("fps", float("nan")),
        ("guidance", float("inf")),
        ("tier", "best"),
        ("deadline_unix", "tomorrow"),
        ("checkpoint_every", -2),
        ("stop_after", 4),
        ("window", -1),
        ("share", 7),
        ("lora", None),
        ("lora", ["ink"]),
        ("lora_scale", 0),
        ("lora_scale", 2.01),
        ("lora_scale", -0.5),
        ("lora_scale", "strong"),
        ("lora_scale", float("nan")),
        ("op", "explode"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(field: str, value: object) -> None:
    with pytest.raises(InvalidInputError, match=f"^{field}:"):
        parse_request(json.dumps({**RENDER, field: value}).encode())


def test_cancel_and_describe_are_read() -> None:
    assert parse_request(b'{"op": "cancel", "job_id": "j"}') == CancelRequest("j")
    assert parse_request(b'{"op": "describe"}') == DescribeRequest()


def test_unknown_fields_are_ignored_so_that_newer_clients_are_served() -> None:
    assert isinstance(parse_request(json.dumps({**RENDER, "later": 1}).encode()), RenderRequest)


def test_the_fingerprint_changes_with_the_pixels_and_not_with_the_urgency() -> None:
    base = request("a")
    assert base.fingerprint() == request("b", tier=Tier.PREVIEW, deadline_unix=5.0, checkpoint_every=3).fingerprint()
    assert base.fingerprint() == request("b", stop_after=2, share="somebody").fingerprint()
    assert base.fingerprint() != request("a", seed=8).fingerprint()
    assert base.fingerprint() != request("a", window=5).fingerprint()
    assert base.fingerprint() != request("a", first_frame="another").fingerprint()
    assert base.fingerprint() != request("a", prompt="a blue shoe").fingerprint()


def test_the_lora_and_its_scale_are_part_of_the_fingerprint_and_a_request_without_one_keeps_the_hash_it_always_had() -> None:
    before = "c8ef3cd6866a98656725861fe628f6bd67e7597d9321159acb6e6d1bcb665c58"  # of 21 November 2026, before there were any
    plain = RenderRequest("j", "a red shoe", 64, 48, 9, 4, 7)
    assert plain.fingerprint() == replace(plain, lora_scale=0.5).fingerprint() == before
    looks = [replace(plain, lora=name, lora_scale=scale) for name, scale in (("ink", 1.0), ("ink", 0.5), ("oil", 1.0))]
    assert len({request.fingerprint() for request in [plain, *looks]}) == 4


def test_the_first_frames_name_is_never_taken_from_the_client() -> None:
    read = parse_request(json.dumps({**RENDER, "first_frame": "forged"}).encode())
    assert isinstance(read, RenderRequest)
    assert read.first_frame == ""


def test_an_event_is_json_with_its_kind_first() -> None:
    assert Event("progress", {"step": 1}).encode() == b'{"kind": "progress", "step": 1}'
