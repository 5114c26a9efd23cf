"""From the command line to the parts of a stack."""

import json
from pathlib import Path

import pytest
from storyreel_local.catalogue import ALL, parts_for
from storyreel_local.cli import main
from storyreel_local.errors import TroubleError
from storyreel_local.parts.base import Context, Options
from storyreel_local.parts.service import Service
from storyreel_local.progress import Silent
from storyreel_local.state import StateFolder


def test_all_parts_are_there_by_default() -> None:
    assert [part.name for part in parts_for(Options())] == list(ALL)


def test_replicas_multiply_services_only() -> None:
    names = [part.name for part in parts_for(Options(parts=("kafka", "planner"), replicas=3))]
    assert names == ["kafka", "planner", "planner-2", "planner-3"]


def test_an_unknown_part_is_refused_with_the_names_that_exist() -> None:
    with pytest.raises(TroubleError, match=r"kafak.*Choose from: kafka"):
        parts_for(Options(parts=("kafak",)))


def test_no_two_parts_share_a_port_key() -> None:
    keys = [key for part in parts_for(Options(replicas=3)) for key in part.ports]
    assert len(keys) == len(set(keys))


def test_every_replica_has_its_address_in_the_endpoints(tmp_path: Path) -> None:
    options = Options(replicas=2)
    ctx = Context(StateFolder(tmp_path), Silent(), options, tmp_path)
    section = Service("gateway").endpoints(ctx)
    assert len(section["services"]["gateway"]["replicas"]) == 2
    assert section["services"]["gateway"]["replicas"][0] == section["services"]["gateway"]["ops_url"]
    assert len(set(section["gateway"]["replicas"])) == 2
    assert Service("gateway", 2).endpoints(ctx) == {}


def test_status_of_an_empty_folder_is_not_ready(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--state", str(tmp_path)]) == 1
    assert capsys.readouterr().out.count("stopped") == len(ALL)


def test_down_on_an_empty_folder_says_that_nothing_was_running(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["down", "--state", str(tmp_path)]) == 0
    assert "nothing was running" in capsys.readouterr().out


def test_commands_use_the_options_of_the_last_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "options.json").write_text(json.dumps({"parts": ["redis"], "replicas": 1}))
    main(["status", "--state", str(tmp_path)])
    assert capsys.readouterr().out.split()[:2] == ["redis", "stopped"]


def test_trouble_is_one_sentence_and_exit_code_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--state", str(tmp_path), "--brief", str(tmp_path / "none")]) == 1
    assert "There is no brief at" in capsys.readouterr().err
