"""What jobs may take of the memory: the setting, the GPU's, the machine's, or what a control group leaves."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from storyreel_engine.memory import budget, host_available
from storyreel_engine.settings import EngineSettings


@pytest.fixture
def meminfo(tmp_path: Path) -> Path:
    file = tmp_path / "meminfo"
    file.write_text("MemTotal:       16000 kB\nMemFree:  10 kB\nMemAvailable:    8000 kB\n")
    return file


def test_the_setting_wins() -> None:
    assert budget(EngineSettings(Path("m"), memory_mib=1.5)) == 3 << 19


def test_the_machines_available_memory_is_read(meminfo: Path, tmp_path: Path) -> None:
    assert host_available(meminfo, tmp_path) == 8000 * 1024


def test_a_control_group_that_leaves_less_decides(meminfo: Path, tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("5000000\n")
    (tmp_path / "memory.current").write_text("2000000\n")
    assert host_available(meminfo, tmp_path) == 3_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert host_available(meminfo, tmp_path) == 8000 * 1024


def test_a_machine_that_does_not_say_must_be_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="STORYREEL_MEMORY_MIB"):
        host_available(tmp_path / "nothing", tmp_path)


def test_on_the_host_it_is_half_of_what_is_available() -> None:
    assert budget(EngineSettings(Path("m"), device="cpu")) == pytest.approx(host_available() / 2, rel=0.3)


def test_on_a_gpu_it_is_nine_tenths_of_what_is_free_after_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: True, mem_get_info=lambda device: (1000, 9999)))
    monkeypatch.setitem(sys.modules, "torch", gpu)
    assert budget(EngineSettings(Path("m"))) == 900
    assert budget(EngineSettings(Path("m"), device="cpu")) > 900
