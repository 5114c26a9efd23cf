"""Makes the room's fakes importable and gives every test a stack folder that is emptied of processes afterwards."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fakes import FakePart, Notebook
from storyreel_local.parts.base import Options
from storyreel_local.stack import Stack

MakeStack = Callable[..., Stack]


@pytest.fixture
def make_stack(tmp_path: Path) -> Iterator[MakeStack]:
    """Stacks of fake parts over one folder; whatever they started is stopped at the end of the test."""

    def make(*parts: FakePart) -> Stack:
        return Stack(tmp_path / "state", options=Options(tied=True), progress=Notebook(), parts=parts)

    yield make
    make().down()
