"""A dead part's last words, cut from a long log."""

from pathlib import Path

from storyreel_local import logs


def test_errors_are_preferred_over_what_came_after_them(tmp_path: Path) -> None:
    log = tmp_path / "one.log"
    logs.mark(log)
    log.write_text(log.read_text() + "starting\nERROR cannot bind\nshutting down\nbye\n")
    assert logs.last_words(log) == "ERROR cannot bind"


def test_lines_of_an_earlier_start_are_not_blamed(tmp_path: Path) -> None:
    log = tmp_path / "one.log"
    log.write_text("ERROR of yesterday\n")
    logs.mark(log)
    log.write_text(log.read_text() + "today\n")
    assert logs.last_words(log) == "today"


def test_a_traceback_is_told_by_its_last_line(tmp_path: Path) -> None:
    log = tmp_path / "one.log"
    logs.mark(log)
    log.write_text(log.read_text() + 'Traceback (most recent call last):\n  File "x.py", line 1\nValueError: no model folder\n')
    assert logs.last_words(log) == "ValueError: no model folder"


def test_silence_is_said_too(tmp_path: Path) -> None:
    assert logs.last_words(tmp_path / "none.log") == "(it said nothing)"
