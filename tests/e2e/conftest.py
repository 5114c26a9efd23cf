"""A stack with the null engine for most tests (gradients instead of diffusion; everything else is real)."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from storyreel_local.errors import TroubleError
from storyreel_local.parts.base import Options
from storyreel_local.parts.service import NAMES
from storyreel_local.stack import Stack
from storyreel_local.testing import unavailable
from studio import Studio

STORES = ("kafka", "redis", "s3")


def started(folder: Path, **options: object) -> Stack:
    """A stack that is up; the test is skipped (or fails where the part is required) when it cannot be had."""
    stack = Stack(folder, options=Options(tied=True, **{"engine": "null", "parts": (*STORES, *NAMES), **options}))  # type: ignore[arg-type]
    try:
        return stack.up()
    except TroubleError as trouble:
        stack.down()
        if "died" in str(trouble) or "ready" in str(trouble):
            raise
        unavailable("kafka", str(trouble))
        raise


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    up = started(tmp_path_factory.mktemp("studio"))
    yield up
    up.down()


@pytest.fixture
def studio(stack: Stack) -> Studio:
    return Studio(stack.endpoints)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A film on a busy machine takes minutes; whoever waits for one says for how long."""
    for item in items:
        item.add_marker(pytest.mark.timeout(900))
