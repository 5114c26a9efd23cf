"""A command line with twins behind its doors."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from storyreel_client.cli.app import run
from storyreel_client.cli.session import Doors
from storyreel_client.testing import MemoryBroker, MemoryGateway

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
STACK = {
    "gateway": {"url": "http://gateway"},
    "kafka": {"bootstrap_servers": "kafka:9092"},
    "tenant": {"id": "acme", "api_key": "key", "signing_secret": SECRET},
}


class Terminal(io.StringIO):
    """Text that thinks it is a terminal."""

    def isatty(self) -> bool:
        return True


@dataclass
class Answer:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The JSON lines of its output."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Command:
    """`storyreel`, run in a folder with a stack file, against twins."""

    folder: Path
    gateway: MemoryGateway = field(default_factory=MemoryGateway)
    broker: MemoryBroker = field(default_factory=MemoryBroker)
    environ: dict[str, str] = field(default_factory=dict)
    terminal: bool = False
    asked: list[str] = field(default_factory=list)
    says_yes: bool = True
    now: datetime = datetime(2026, 11, 21, 18, tzinfo=UTC)

    def ask(self, question: str) -> bool:
        """The person at the keyboard."""
        self.asked.append(question)
        return self.says_yes

    def __call__(self, *argv: str | Path) -> Answer:
        """Run it."""
        out, err = (Terminal(), Terminal()) if self.terminal else (io.StringIO(), io.StringIO())
        doors = Doors(
            studio=self.gateway.door,
            sender=self.broker,
            reader=self.broker,
            offsets=self.broker,
            ask=self.ask,
            now=lambda: self.now,
        )
        args = [str(a) for a in argv]
        code = run(args, environ=self.environ, folder=self.folder, doors=doors, out=out, err=err)
        return Answer(code, out.getvalue(), err.getvalue())


@pytest.fixture
def storyreel(tmp_path: Path) -> Command:
    (tmp_path / ".storyreel").mkdir()
    (tmp_path / ".storyreel" / "stack.json").write_text(json.dumps(STACK))
    return Command(tmp_path)


@pytest.fixture
def brief_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes a brief and returns its path; keyword arguments change fields."""

    def write(**changes: Any) -> Path:
        path = tmp_path / "brief.json"
        path.write_text(json.dumps({"prompt": "A calm harbour at dawn", "duration_s": 6.0, **changes}))
        return path

    return write
