"""A doomed process dies where it is told to: before a write there is no effect, after it there is."""

import asyncio
import multiprocessing
import signal
from pathlib import Path

import pytest
from doom import install


class Shelf:
    """Something that is written to."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def put(self, letter: str) -> None:
        with self._file.open("a") as file:
            file.write(letter)


def write_twice(die_at: int, folder: Path) -> None:
    install(die_at, folder / "deaths", "toy", ((Shelf, "put"),))

    async def both() -> None:
        for letter in "ab":
            await Shelf(folder / "shelf").put(letter)

    asyncio.run(both())


@pytest.mark.parametrize(
    ("die_at", "effect", "where"), [(1, "", "before"), (2, "a", "after"), (3, "a", "before"), (4, "ab", "after"), (5, "ab", "")]
)
def test_a_process_dies_at_the_point_that_it_is_told(die_at: int, effect: str, where: str, tmp_path: Path) -> None:
    (tmp_path / "shelf").touch()
    (tmp_path / "deaths").touch()
    child = multiprocessing.get_context("fork").Process(target=write_twice, args=(die_at, tmp_path))
    child.start()
    child.join()
    assert child.exitcode == (-signal.SIGKILL if where else 0)
    assert (tmp_path / "shelf").read_text() == effect
    assert (tmp_path / "deaths").read_text() == (f"toy {where} Shelf.put\n" if where else "")
