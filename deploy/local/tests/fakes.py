"""Parts made of tiny real processes, and a progress that remembers what it was told."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from storyreel_local.parts.base import Context, Part
from storyreel_local.process import Process
from storyreel_local.state import Json

FOREVER = "import signal; signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True)\nwhile True: signal.pause()"


def python(code: str) -> list[str]:
    """A command line that runs this code in a fast-starting interpreter."""
    return [sys.executable, "-S", "-E", "-c", code]


@dataclass
class FakePart(Part):
    """Runs `code`; is ready once it has been asked `asks` times. `diary` collects what was done, across parts."""

    name: str
    diary: list[str] = field(default_factory=list)
    code: str = FOREVER
    asks: int = 1
    needs: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    patience: float = 20.0
    grace: float = 5.0

    def ensure(self, ctx: Context) -> None:
        self.diary.append(f"ensure {self.name}")

    def start(self, ctx: Context) -> Process:
        self.diary.append(f"start {self.name}")
        return ctx.spawn(self.name, python(self.code))

    def ready(self, ctx: Context) -> bool:
        self.asks -= 1
        return self.asks <= 0

    def prepare(self, ctx: Context) -> None:
        self.diary.append(f"prepare {self.name}")

    def endpoints(self, ctx: Context) -> Json:
        return {self.name: {"ports": [ctx.state.port(key) for key in self.ports]}}


@dataclass
class Notebook:
    """A progress whose lines can be read."""

    lines: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.lines.append(text)

    def done(self, name: str, text: str) -> None:
        self.lines.append(f"{name}: {text}")

    @contextmanager
    def working(self, text: str) -> Iterator[None]:
        self.lines.append(text)
        yield
