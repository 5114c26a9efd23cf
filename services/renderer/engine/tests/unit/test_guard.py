"""The guard: a server whose model process was killed is taken down; an orderly end leaves it alone. Real processes."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from storyreel_engine.guard import ServerGuard

MODEL = """
import sys
from storyreel_engine.guard import ServerGuard
guard = ServerGuard({pid})
print("up", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def server() -> Iterator[subprocess.Popen[bytes]]:
    """Something that runs until it is stopped, as the server does."""
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_a_killed_model_process_takes_its_server_down(server: subprocess.Popen[bytes]) -> None:
    command = [sys.executable, "-c", MODEL.format(pid=server.pid)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as model:
        assert model.stdout is not None
        assert model.stdout.readline() == b"up\n"
        model.kill()
    assert server.wait(10) == -signal.SIGTERM


def test_an_orderly_end_leaves_the_server_alone(server: subprocess.Popen[bytes]) -> None:
    ServerGuard(server.pid).release()
    with pytest.raises(subprocess.TimeoutExpired):
        server.wait(0.3)
