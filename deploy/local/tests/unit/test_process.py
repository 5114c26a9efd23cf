"""Processes are known by id and start time; nothing else is ever touched."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import FOREVER, STUBBORN, python
from storyreel_local import process
from storyreel_local.process import Process


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Process]]:
    """A list to put processes in that must not outlive the test."""
    them: list[Process] = []
    yield them
    for one in them:
        one.kill()


def start(code: str, folder: Path, name: str = "one") -> Process:
    return process.spawn(name, python(code), env=os.environ, log=folder / f"{name}.log", cwd=folder)


def wait_for_line(log: Path, process_id: int) -> str:
    """The first line of a log, waiting for it by inotify's poor cousin: the writer's own exit or output."""
    handle = os.pidfd_open(process_id)
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    try:
        while not log.read_text().strip():
            assert not poll.poll(20), f"died before it wrote: {log.read_text()}"
        return log.read_text().splitlines()[0]
    finally:
        os.close(handle)


def test_a_process_that_obeys_is_gone_after_stop(tmp_path: Path, started: list[Process]) -> None:
    one = start(FOREVER, tmp_path)
    started.append(one)
    assert one.alive()
    assert one.stop(grace_seconds=10)
    assert not one.alive()


def test_a_process_that_ignores_sigterm_is_killed_after_the_grace_time(tmp_path: Path, started: list[Process]) -> None:
    one = start(STUBBORN, tmp_path)
    started.append(one)
    wait_for_line(tmp_path / "one.log", one.pid)
    assert not one.stop(grace_seconds=0.2)
    assert not one.alive()


def test_a_stranger_with_the_same_id_is_neither_alive_nor_touched(tmp_path: Path, started: list[Process]) -> None:
    stranger = start(FOREVER, tmp_path)
    started.append(stranger)
    record = replace(stranger, started=stranger.started - 1)
    assert not record.alive()
    record.ask()
    assert not process_ended(stranger, milliseconds=200)
    assert stranger.alive()
    stranger.ask()  # negative control: the true identity is obeyed
    assert process_ended(stranger, milliseconds=10_000)


def test_a_record_of_another_boot_is_not_alive(tmp_path: Path, started: list[Process]) -> None:
    one = start(FOREVER, tmp_path)
    started.append(one)
    assert not replace(one, boot="00000000-0000-0000-0000-000000000000").alive()


def test_what_a_process_started_ends_with_it(tmp_path: Path, started: list[Process]) -> None:
    code = f"import subprocess, signal; print(subprocess.Popen({python(FOREVER)!r}).pid, flush=True); signal.pause()"
    parent = start(code, tmp_path)
    started.append(parent)
    child = int(wait_for_line(tmp_path / "one.log", parent.pid))
    watch = os.pidfd_open(child)
    parent.kill()
    poll = select.poll()
    poll.register(watch, select.POLLIN)
    assert poll.poll(5000), "the child survived its session leader"
    os.close(watch)


def test_a_killed_child_that_nobody_waited_for_is_not_alive(tmp_path: Path, started: list[Process]) -> None:
    one = start(FOREVER, tmp_path)
    started.append(one)
    os.kill(one.pid, signal.SIGKILL)
    assert process_ended(one, milliseconds=5000)
    assert not one.alive()


def test_records_survive_a_round_trip_and_a_broken_one_counts_as_none(tmp_path: Path) -> None:
    one = Process("kafka", 123, 456, "boot")
    one.save(tmp_path)
    assert process.load(tmp_path, "kafka") == one
    (tmp_path / "kafka.json").write_text('{"name": "kaf')
    assert process.load(tmp_path, "kafka") is None
    assert process.load(tmp_path, "redis") is None


@pytest.mark.parametrize("is_tied", [True, False])
def test_a_tied_process_ends_when_its_starter_is_killed_and_an_untied_one_does_not(tmp_path: Path, is_tied: bool) -> None:
    command = process.tied(python(FOREVER)) if is_tied else python(FOREVER)
    starter = (
        "import os, subprocess, sys, time\n"
        f"child = subprocess.Popen({command!r}, start_new_session=True, stdout=-3, stderr=-3)\n"
        "ready = lambda: b'signal' in open(f'/proc/{child.pid}/cmdline', 'rb').read() and "
        "b'prctl' not in open(f'/proc/{child.pid}/cmdline', 'rb').read()\n"
        "while not ready(): time.sleep(0.01)\n"
        "print(child.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-S", "-c", starter], capture_output=True, text=True, check=False)
    child = int(done.stdout)
    try:
        watch = os.pidfd_open(child)
    except ProcessLookupError:
        assert is_tied
        return
    poll = select.poll()
    poll.register(watch, select.POLLIN)
    assert bool(poll.poll(3000 if is_tied else 300)) == is_tied
    os.close(watch)
    if not is_tied:
        os.kill(child, signal.SIGKILL)


def process_ended(one: Process, milliseconds: int) -> bool:
    watch = os.pidfd_open(one.pid)
    poll = select.poll()
    poll.register(watch, select.POLLIN)
    try:
        return bool(poll.poll(milliseconds))
    finally:
        os.close(watch)
