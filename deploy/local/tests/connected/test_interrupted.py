"""Ctrl-C at the worst moments: nothing is left running, and the next command works."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from storyreel_local.state import StateFolder

pytestmark = pytest.mark.connected


def command(name: str, state: Path, *more: str) -> subprocess.Popen[str]:
    argv = [sys.executable, "-m", "storyreel_local", name, "--state", str(state), *more]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def said(child: subprocess.Popen[str], words: str) -> str:
    """Read the child's lines up to one with these words."""
    assert child.stdout is not None
    lines = []
    for line in child.stdout:
        lines.append(line)
        if words in line:
            return line
    raise AssertionError(f"never said {words!r}: {''.join(lines)}")


def running(state: Path) -> list[str]:
    folder = StateFolder(state)
    return [name for name in folder.recorded() if folder.running(name)]


def test_up_interrupted_while_kafka_starts_leaves_nothing_running(tmp_path: Path) -> None:
    with command("up", tmp_path, "--parts", "kafka,redis") as child:
        said(child, "redis")  # ready at once, while the broker takes seconds
        assert running(tmp_path) == ["kafka", "redis"]
        child.send_signal(signal.SIGINT)
        assert child.wait(30) == 130
    assert running(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_part_run_alone_ends_with_its_command(tmp_path: Path, number: signal.Signals) -> None:
    with command("run-part", tmp_path, "redis") as child:
        said(child, "runs until Ctrl-C")
        assert running(tmp_path) == ["redis"]
        child.send_signal(number)
        assert child.wait(30) == 130
    assert running(tmp_path) == []


def test_a_second_command_on_the_folder_is_refused_in_a_sentence_while_the_first_starts(tmp_path: Path) -> None:
    with command("up", tmp_path, "--parts", "kafka,redis") as first:
        said(first, "redis")
        with command("up", tmp_path, "--parts", "redis") as second:
            assert "Another command is working" in said(second, "Another command")
            assert second.wait(30) == 1
        assert first.wait(60) == 0
    assert running(tmp_path) == ["kafka", "redis"]
    with command("down", tmp_path) as down:
        assert down.wait(60) == 0
    assert running(tmp_path) == []
