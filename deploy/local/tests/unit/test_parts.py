"""What parts say and choose before any process is started."""

import json
from pathlib import Path

import pytest
from fakes import Notebook
from storyreel_local.errors import TroubleError
from storyreel_local.parts import triton
from storyreel_local.parts.base import Context, Options
from storyreel_local.parts.s3 import S3
from storyreel_local.parts.service import Service
from storyreel_local.state import StateFolder


def context(folder: Path, options: Options | None = None, **env: str) -> Context:
    (folder / "cache").mkdir(exist_ok=True)
    return Context(StateFolder(folder / "state"), Notebook(), options or Options(), folder / "cache", env)


def engine_environment(folder: Path, monkeypatch: pytest.MonkeyPatch, *, soname: str, system: str | None) -> None:
    """An engine environment whose Python is a script that gives this answer about itself."""
    said = {"minor": "3.11", "site": str(folder), "soname": soname, "folders": [str(folder / "lib")], "system": system}
    python = folder / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f"#!/bin/sh\necho '{json.dumps(said)}'\n")
    python.chmod(0o755)
    monkeypatch.setenv("STORYREEL_ENGINE_ENV", str(folder))


def test_a_missing_engine_environment_is_said_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORYREEL_ENGINE_ENV", str(tmp_path / "none"))
    with pytest.raises(TroubleError, match=r"no engine environment at .*none.*make install-engine"):
        triton.interpreter()


def test_a_python_without_shared_library_is_said_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine_environment(tmp_path, monkeypatch, soname="libpython3.11.a", system=None)
    with pytest.raises(TroubleError, match=r"needs libpython3\.11\.so\.1\.0.*apt install libpython3\.11.*--without triton"):
        triton.interpreter()


def test_a_shared_library_beside_the_interpreter_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine_environment(tmp_path, monkeypatch, soname="libpython3.11.so.1.0", system=None)
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "libpython3.11.so.1.0").write_text("")
    assert triton.interpreter().library_folder == tmp_path / "lib"


def test_a_shared_library_known_to_the_system_needs_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine_environment(tmp_path, monkeypatch, soname="libpython3.11.a", system="libpython3.11.so.1.0")
    assert triton.interpreter().library_folder is None


def test_without_go_the_store_is_moto_and_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    ctx = context(tmp_path)
    S3().ensure(ctx)
    section = S3().endpoints(ctx)["s3"]
    assert (section["store"], section["durable"]) == ("moto", False)
    assert isinstance(ctx.progress, Notebook)
    assert "forgets its objects when it stops (Go is not installed)" in ctx.progress.lines[0]


def test_a_folder_kept_by_versitygw_is_never_served_by_an_empty_moto(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    ctx = context(tmp_path)
    ctx.state.write("s3.json", {"store": "versitygw"})
    with pytest.raises(TroubleError, match=r"versitygw, which cannot be had: Go is not installed.*Install Go"):
        S3().ensure(ctx)


def test_a_failing_build_leaves_nothing_half_built_and_tells_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "go").write_text("#!/bin/sh\necho 'no such module' >&2\nexit 1\n")
    (tmp_path / "go").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    ctx = context(tmp_path, PATH=str(tmp_path))
    S3().ensure(ctx)
    assert isinstance(ctx.progress, Notebook)
    assert "Go could not build it: no such module" in ctx.progress.lines[-1]
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_service_is_told_where_everything_is(tmp_path: Path) -> None:
    ctx = context(tmp_path)
    env = Service("gateway", 2).environment(ctx)
    assert env["KAFKA_BOOTSTRAP_SERVERS"].startswith("127.0.0.1:")
    assert env["OPS_HOST"] == env["GATEWAY_HOST"] == "127.0.0.1"
    assert env["OPS_PORT"] != env["GATEWAY_PORT"] != Service("gateway").environment(ctx)["GATEWAY_PORT"]
    assert Path(env["GATEWAY_TENANTS_FILE"]).is_file()
    assert env["GATEWAY_SESSION_SECRET"] == Service("gateway").environment(ctx)["GATEWAY_SESSION_SECRET"]


def test_with_the_null_engine_nobody_is_told_of_triton(tmp_path: Path) -> None:
    ctx = context(tmp_path, Options(parts=("renderer", "planner"), engine="null"))
    assert Service("renderer").environment(ctx)["RENDERER_ENGINE"] == "null"
    assert "RENDERER_TRITON_URL" not in Service("renderer").environment(ctx)
    assert "PLANNER_MODEL_CARD" not in Service("planner").environment(ctx)


def test_with_triton_planner_and_renderer_know_the_model_and_its_server(tmp_path: Path) -> None:
    ctx = context(tmp_path, STORYREEL_MODEL_DIR="/models/wan")
    assert Service("planner").environment(ctx)["PLANNER_MODEL_CARD"] == "/models/wan/storyreel.json"
    assert Service("renderer").environment(ctx)["RENDERER_TRITON_URL"] == f"127.0.0.1:{ctx.state.port('triton.grpc')}"
