"""Two real Tritons with the virtual model, for the tests that harm servers."""

from collections.abc import Iterator

import pytest
from renderer_tritons import Triton, tritons
from storyreel_local.errors import TroubleError
from storyreel_local.testing import unavailable

DOOR_MIB = 1  # of the second server: less than the model's longest shot needs


@pytest.fixture(scope="package")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Triton]]:
    """Two servers with the same model."""
    try:
        with tritons(tmp_path_factory.mktemp("tritons"), {}, {"STORYREEL_MEMORY_MIB": str(DOOR_MIB)}) as running:
            yield running
    except TroubleError as error:
        unavailable("triton", str(error))


@pytest.fixture
def pair(servers: list[Triton]) -> Iterator[list[Triton]]:
    """Both, whole at the beginning and at the end."""
    yield servers
    for server in servers:
        server.mend()
