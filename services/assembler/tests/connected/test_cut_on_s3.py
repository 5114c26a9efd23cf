"""A cut on a real object store: the keyed, first-writer-wins way of the twin holds there too."""

from pathlib import Path
from uuid import uuid4

import pytest
from assembler_fakes import Words, a_cut, a_plan
from storyreel_assembler.adapters.cutting import Room
from storyreel_assembler.adapters.provenance import development_credentials
from storyreel_assembler.adapters.publishing import Press
from storyreel_assembler.adapters.workshop import Workshop
from storyreel_assembler.domain.work import Assemble, Cut, Dropped, Publish, Published
from storyreel_chassis.s3 import S3ArtifactStore
from storyreel_chassis.settings import SharedSettings
from storyreel_contracts.ids import outcome_key
from storyreel_local.testing import S3Place

pytestmark = pytest.mark.connected


@pytest.fixture
def store(real_s3: S3Place) -> S3ArtifactStore:
    return S3ArtifactStore(
        SharedSettings(
            kafka_bootstrap_servers="unused:1", redis_url="redis://unused", s3_endpoint_url=real_s3.endpoint,
            s3_bucket=real_s3.bucket, aws_access_key_id=real_s3.access_key, aws_secret_access_key=real_s3.secret_key,
            aws_region=real_s3.region,
        )
    )  # fmt: skip


async def test_a_film_is_cut_published_once_and_its_other_outcome_is_refused(
    store: S3ArtifactStore, workshop: Workshop, tmp_path: Path
) -> None:
    film = uuid4().hex
    plan = a_plan((Words(12, f"Hello {film[:6]}."), Words(12)), brand=None)
    cut = await a_cut(store, tmp_path, plan)
    credentials = development_credentials(tmp_path / "signing")

    async def wanted() -> bool:
        return True

    made = await Room(store, workshop).cut(Assemble(tenant_id="acme", film_id=film, plan=plan, cut=cut), wanted)
    assert isinstance(made, Cut)
    press = Press(store, workshop, credentials, development=True)
    first = await press.publish(Publish(tenant_id="acme", film_id=film, plan=plan, cut=cut))
    again = await press.publish(Publish(tenant_id="acme", film_id=film, plan=plan, cut=cut))
    assert isinstance(first, Published)
    assert again == first
    assert await store.get(first.files["manifest.json"])
    late = cut.model_copy(update={"version": 2})
    await store.remember(outcome_key(film, 2), b"cancelled")
    assert isinstance(await press.publish(Publish(tenant_id="acme", film_id=film, plan=plan, cut=late)), Dropped)
