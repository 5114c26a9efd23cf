"""The whole room as the service builds it, over the store's twin: from a plan to a published film."""

from pathlib import Path

import pytest
from assembler_fakes import Words, a_cut, a_plan
from pydantic import ValidationError
from storyreel_assembler.app import build
from storyreel_assembler.settings import Settings
from storyreel_chassis.artifacts import MemoryArtifactStore
from storyreel_chassis.testing import RoomHarness, an_event
from storyreel_contracts import FilmAssembled, FilmAssemblyFailed, FilmCleared, FilmPlanned, FilmPublished, PolicyRef, Tier


async def test_a_plan_a_cut_and_a_verdict_make_a_published_film_and_a_bad_take_a_reason(tmp_path: Path) -> None:
    store = MemoryArtifactStore()
    room = build(Settings(workers=1, development_signing_dir=tmp_path / "signing"), store)
    plan = a_plan((Words(12, "Hello."),), brand=None)
    cut = await a_cut(store, tmp_path, plan, tier=Tier.FINAL)
    verdict = FilmCleared(version=1, policy=PolicyRef(id="default", version="1"), tier=Tier.FINAL, cut_key=cut.cut_key)
    junk = await store.put(b"no film at all", "video/mp4")
    bad = cut.model_copy(update={"version": 2, "shots": [cut.shots[0].model_copy(update={"artifact": junk})]})
    harness = RoomHarness(room)
    async with room.startup[0]:
        first = await harness.give(
            an_event(FilmPlanned(version=1, plan=plan, plan_sha256="a" * 64)), an_event(cut), an_event(verdict)
        )
        second = await harness.give(an_event(FilmPlanned(version=2, plan=plan, plan_sha256="a" * 64)), an_event(bad))
    assert [type(event.data) for event in first] == [FilmAssembled, FilmPublished]
    assert first[1].data.provenance.state == "Trusted"
    assert [type(event.data) for event in second] == [FilmAssemblyFailed]
    assert "is not a readable video" in second[0].data.reason


def test_half_a_signer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="together or not at all"):
        Settings(signing_chain=tmp_path / "chain.pem")


def test_the_development_key_is_its_owners_only_and_made_once(tmp_path: Path) -> None:
    settings = Settings(development_signing_dir=tmp_path / "signing")
    build(settings, MemoryArtifactStore())
    key = tmp_path / "signing" / "key.pem"
    made = key.read_bytes()
    assert key.stat().st_mode & 0o077 == 0
    build(settings, MemoryArtifactStore())
    assert key.read_bytes() == made
