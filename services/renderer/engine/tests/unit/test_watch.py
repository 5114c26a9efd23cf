"""The watch for a server that was asked to stop: a port that closes, on a real process and on a written-down one."""

import socket
import threading
from pathlib import Path

import pytest
from storyreel_engine.watch import StopWatch, listening


def test_the_ports_of_a_real_process_are_seen_and_missed() -> None:
    import os

    me = Path(f"/proc/{os.getpid()}")
    before = listening(me)
    assert before is not None
    with socket.create_server(("127.0.0.1", 0)):
        opened = listening(me)
        assert opened is not None
        assert len(opened - before) == 1
    assert listening(me) == before


@pytest.fixture
def server(tmp_path: Path) -> Path:
    """A process that listens on two ports, as proc(5) shows it."""
    (tmp_path / "7" / "fd").mkdir(parents=True)
    (tmp_path / "7" / "net").mkdir()
    for number, inode in enumerate(("501", "502")):
        (tmp_path / "7" / "fd" / str(number)).symlink_to(f"socket:[{inode}]")
    write(tmp_path, "501", "502")
    return tmp_path


def write(proc: Path, *inodes: str) -> None:
    rows = [f"  {n}: 0100007F:1F40 00000000:0000 0A 0:0 00:0 0 0 0 {inode} 1 0 100" for n, inode in enumerate(inodes)]
    (proc / "7" / "net" / "tcp").write_text("\n".join(["  sl  local_address ...", *rows]) + "\n")


def test_a_closed_port_means_stopping_and_is_told_once(server: Path) -> None:
    told = threading.Event()
    watch = StopWatch(7, told.set, proc=server)
    assert not told.wait(0.5)
    write(server, "502")
    assert told.wait(5)
    watch.release()


def test_a_port_that_opens_later_means_nothing(server: Path) -> None:
    told = threading.Event()
    write(server)
    watch = StopWatch(7, told.set, proc=server)
    write(server, "501", "502")
    assert not told.wait(0.6)
    watch.release()


def test_a_process_that_cannot_be_looked_at_is_not_taken_for_one_that_stops(server: Path) -> None:
    told = threading.Event()
    watch = StopWatch(7, told.set, proc=server)
    assert not told.wait(0.4)
    (server / "7" / "fd").rename(server / "7" / "hidden")
    assert not told.wait(0.6)
    watch.release()
