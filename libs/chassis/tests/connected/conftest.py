"""The broker of these tests is a parameter: every test of the suite runs on each kind that this machine has."""

from collections.abc import Iterator

import brokers
import pytest
from storyreel_local.testing import KafkaPlace


@pytest.fixture(scope="session", params=brokers.chosen())
def real_kafka(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaPlace]:
    """A broker of each chosen kind."""
    with brokers.KINDS[request.param](tmp_path_factory.mktemp(request.param)) as place:
        yield place
