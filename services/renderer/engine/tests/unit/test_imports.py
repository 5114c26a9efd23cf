"""What decides and what loops can be imported, and so tested, without torch and without Triton."""

import subprocess
import sys

import pytest

PURE = (
    *("admission", "batching", "card", "charge", "costs", "engine", "failures", "job", "mail", "memory", "policy"),
    *("ports", "settings", "shares", "stamp", "thread", "watch", "wire", "worker"),
)
ASK = """
import sys
from importlib import import_module
for name in sys.argv[1:]:
    import_module(name)
print(sorted({"torch", "diffusers", "triton_python_backend_utils", "tritonclient"} & set(sys.modules)))
"""


def heavy_imports(*names: str) -> str:
    """Which of the heavy packages are loaded once these modules are."""
    done = subprocess.run([sys.executable, "-c", ASK, *names], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_pure_modules_import_nothing_heavy() -> None:
    assert heavy_imports(*(f"storyreel_engine.{name}" for name in PURE)) == "[]"


def test_the_check_sees_a_module_that_does() -> None:
    pytest.importorskip("torch", reason="only the engine's environment has torch")
    assert "torch" in heavy_imports("storyreel_engine.on_device")
