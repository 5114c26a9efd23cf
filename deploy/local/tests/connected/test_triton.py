"""The wheel's Triton with our model repository: ready, measured, and gone without a trace."""

import urllib.request
from pathlib import Path

import pytest
from storyreel_local.errors import TroubleError
from storyreel_local.parts.base import Options
from storyreel_local.parts.triton import shared_memory_prefix
from storyreel_local.stack import Stack
from storyreel_local.testing import unavailable

pytestmark = [pytest.mark.connected, pytest.mark.slow]


def shared_memory(stack: Stack) -> list[Path]:
    """What this stack's server holds, and no other's on the machine."""
    return list(Path("/dev/shm").glob(f"{shared_memory_prefix(stack.context)}*"))  # noqa: S108 - Linux's own place for it


def page(url: str) -> bytes:
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - a loopback URL of our own
        body: bytes = answer.read()
    return body


def test_triton_serves_the_model_and_leaves_no_shared_memory_even_when_killed(tmp_path: Path) -> None:
    stack = Stack(tmp_path, options=Options(parts=("triton",), tied=True))
    try:
        stack.up()
    except TroubleError as error:
        unavailable("triton", str(error))
    try:
        places = stack.endpoints["triton"]
        page(f"{places['http']}/v2/models/storyreel_video/ready")  # raises unless 200
        assert b"nv_inference_request_success" in page(places["metrics"])
        assert shared_memory(stack)
        stack.kill("triton")
    finally:
        stack.down()
    assert shared_memory(stack) == []
    assert stack.running() == []
