"""G16: rooms of two versions of the contract in one running system, rolled forward and back while films are made.

The older version is the last release, or, without one, the last commit before the contract's latest change. Its rooms run
with all of their own code: service, chassis and contract.
"""

import asyncio
import io
import os
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from chapter import Reached, Run
from history import Violation
from sizes import CONTROL_SILENCE_S, IN_FLIGHT, Size
from storyreel_contracts.tools.releases import tags
from storyreel_local.parts.service import NAMES

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]
_RECORDS = _HERE / "skew_records.py"
READERS_FIRST = ("renderer", "assembler", "continuity", "safety", "planner", "gateway")


class NoOlderContractError(LookupError):
    """Nothing to run beside this version: no git, or a history that ends too early."""


@dataclass(frozen=True)
class Version:
    """Code of one version of the whole house. `path` is what PYTHONPATH must be; empty for what stands here."""

    name: str
    path: str = ""

    @property
    def settings(self) -> dict[str, str]:
        """What makes a service of the stage one of this version."""
        return {"PYTHONPATH": self.path} if self.path else {}

    def environment(self) -> dict[str, str]:
        """What makes a Python process of it."""
        return os.environ | self.settings


HERE = Version("here")


def older(folder: Path) -> Version:
    """The version before this one, unpacked into `folder`. Raises NoOlderContractError."""
    try:
        name = (tags(_ROOT) or [f"{_git('log', '-1', '--format=%H', '--', 'libs/contracts/schemas').decode().strip()}^"])[-1]
        with tarfile.open(fileobj=io.BytesIO(_git("archive", name, "libs", "services"))) as archive:
            archive.extractall(folder, filter="data")
        short = _git("rev-parse", "--short", name).decode().strip()
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        raise NoOlderContractError(f"git has no version of the contract before this one ({error})") from error
    return Version(short, sources(folder))


def sources(folder: Path) -> str:
    """PYTHONPATH of an unpacked house."""
    return os.pathsep.join(str(p) for p in sorted(folder.glob("*/*/src")))


def with_a_field_demanded(version: Version, folder: Path) -> Version:
    """For the control: a reader that demands what no writer sends, as the gate would never let pass."""
    contract = folder / "libs/contracts/src/storyreel_contracts/planning.py"
    text, line = contract.read_text(), "    key: Sha256\n    spec: RenderSpec\n"
    if line not in text:
        raise NoOlderContractError(f"{contract} has no longer the lines that the control changes")
    contract.write_text(text.replace(line, line + "    urgency: int\n"))
    return Version(f"{version.name} with a demanded field", version.path)


async def records_read(writer: Version, reader: Version, count: int) -> tuple[int, list[Violation]]:
    """So many made-up records of each fact of the writer's, read by the reader: how many, and what was refused."""
    made = await asyncio.to_thread(_run, writer, b"", "make", str(count))
    refused = await asyncio.to_thread(_run, reader, made, "read")
    return made.count(b"\n"), [
        Violation("readable", "", f"{reader.name} refuses what {writer.name} writes: {line.decode()}")
        for line in refused.splitlines()
    ]


async def version_skew(run: Run, size: Size) -> Reached:
    """All rooms one version back; rolled forward one by one under load, readers first, and back again in the same order."""
    into = Reached(
        "G16 version skew", f"{size.films} films, forward and back; {size.strikes} made-up records a fact; 0 refused, lost"
    )
    with tempfile.TemporaryDirectory(prefix="storyreel-older-") as scratch:
        try:
            before = older(Path(scratch))
        except NoOlderContractError as error:
            into.skipped = str(error)
            return into
        into.figures["versions"] = f"{before.name} and here"
        for writer, reader in ((before, HERE), (HERE, before)):
            count, refused = await records_read(writer, reader, size.strikes)
            into.figures[f"records by {writer.name}"] = count
            into.violations += refused
        await _forward_and_back(run, size, into, before)
        if size.controls:
            into.control = await _a_demanding_reader(run, with_a_field_demanded(before, Path(scratch)))
    return into


async def _forward_and_back(run: Run, size: Size, into: Reached, before: Version) -> None:
    await run.stage.refit("", NAMES, **before.settings)
    chapter = run.chapter()
    pouring = asyncio.create_task(chapter.pour.films_of(size.films, IN_FLIGHT))
    for version in (HERE, before):
        for name in READERS_FIRST:
            await run.stage.refit("", [name], **version.settings)
            if pouring.done():  # every step of the roll has films under way
                await pouring
                pouring = asyncio.create_task(chapter.pour.films_of(2, IN_FLIGHT))
    await pouring
    await chapter.close(into)
    await run.stage.refit()


async def _a_demanding_reader(run: Run, bad: Version) -> str:
    await run.stage.refit("", ["renderer"], **bad.settings)
    chapter = run.chapter()
    await chapter.pour.films_of(2, 2)
    caught = await chapter.caught(CONTROL_SILENCE_S)
    await run.stage.refit("", ["renderer"])
    return caught


def _run(version: Version, lines: bytes, *arguments: str) -> bytes:
    command = [sys.executable, str(_RECORDS), *arguments]
    return subprocess.run(command, check=True, input=lines, capture_output=True, env=version.environment()).stdout


def _git(*arguments: str) -> bytes:
    command = ["git", "-C", str(_ROOT), *arguments]
    return subprocess.run(command, check=True, capture_output=True).stdout
