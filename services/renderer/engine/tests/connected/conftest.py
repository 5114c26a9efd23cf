"""What all tests with real networks need."""

import pytest


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Tiny networks are faster on one thread, by far so where tests share the cores with others."""
    torch = pytest.importorskip("torch", reason="torch is only in the engine's environment (.venv-engine)")
    torch.set_num_threads(1)
