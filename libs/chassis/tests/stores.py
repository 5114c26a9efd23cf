"""What every fold store, artifact store and lease book promises; run on the twin and on the real part alike."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import pytest
from storyreel_chassis.artifacts import ArtifactStore
from storyreel_chassis.errors import Permanent, Transient
from storyreel_chassis.folds import Fold, FoldStore, Loaded, TimerKey
from storyreel_chassis.leases import Leases
from storyreel_contracts import ArtifactRef
from storyreel_contracts.decisions import Timer

NOW = datetime(2026, 11, 21, tzinfo=UTC)


class FoldStorePromises:
    """Subclasses give the fixture `folds`."""

    async def test_the_second_of_two_writers_is_refused(self, folds: FoldStore) -> None:
        whose = TimerKey(uuid4().hex, "acme")
        loaded = await folds.load(whose.film_id)
        assert loaded == Loaded(Fold(), 0)
        assert await folds.save(whose, Loaded(Fold(seen=["mine"]), 0), ())
        assert not await folds.save(whose, Loaded(Fold(seen=["theirs"]), 0), ())
        assert await folds.load(whose.film_id) == Loaded(Fold(seen=["mine"]), 1)

    async def test_timers_come_due_in_order_and_a_timer_set_anew_is_not_forgotten(self, folds: FoldStore) -> None:
        whose = TimerKey(uuid4().hex, "acme")
        late, soon = Timer(name="late", due=NOW + timedelta(hours=1)), Timer(name="soon", due=NOW)
        await folds.save(whose, Loaded(Fold(), 0), (late, soon))
        (due,) = [t for t in await folds.due(NOW, 100) if t.film_id == whose.film_id]
        assert (due.name, due.due, due.tenant_id) == ("soon", NOW, "acme")
        again = Timer(name="soon", due=NOW + timedelta(seconds=1))
        await folds.save(whose, Loaded(Fold(), 1), (again,))
        await folds.forget(due)
        later = [t for t in await folds.due(NOW + timedelta(hours=2), 100) if t.film_id == whose.film_id]
        assert [t.name for t in later] == ["soon", "late"]
        for timer in later:
            await folds.forget(timer)
        assert not [t for t in await folds.due(NOW + timedelta(hours=2), 100) if t.film_id == whose.film_id]

    async def test_a_new_store_says_that_it_knows_nothing(self, folds: FoldStore) -> None:
        assert not await folds.advance({"t/0": 5})
        assert await folds.positions() is None
        assert await folds.advance({"t/0": 5, "t/1": 7})
        assert await folds.positions() == {"t/0": 5, "t/1": 7}


class ArtifactStorePromises:
    """Subclasses give the fixture `store`."""

    async def test_bytes_come_back_under_their_hash(self, store: ArtifactStore, tmp_path: Path) -> None:
        data = uuid4().bytes
        ref = await store.put(data, "video/mp4")
        assert ref.sha256 == sha256(data).hexdigest()
        assert await store.put(data, "video/mp4") == ref
        assert await store.get(ref) == data
        await store.fetch(ref, tmp_path / "copy")
        assert await store.put_file(tmp_path / "copy", "video/mp4") == ref

    async def test_the_first_writer_of_a_key_wins(self, store: ArtifactStore) -> None:
        key = f"keys/test/{uuid4()}"
        assert await store.recall(key) is None
        assert await store.remember(key, b"first") == b"first"
        assert await store.remember(key, b"second") == b"first"
        assert await store.recall(key) == b"first"

    async def test_a_missing_artifact_is_transient_and_a_wrong_hash_permanent(self, store: ArtifactStore) -> None:
        ref = await store.put(b"truth", "text/plain")
        with pytest.raises(Permanent):
            await store.get(ref.model_copy(update={"sha256": "0" * 64}))
        with pytest.raises(Transient):
            await store.get(ArtifactRef(uri=ref.uri + "x", sha256="0" * 64, size=1, media_type="text/plain"))
        with pytest.raises(Permanent):
            await store.get(ref.model_copy(update={"uri": "file:///etc/passwd"}))


class LeasePromises:
    """Subclasses give the fixture `leases` and `pass_time`."""

    async def test_one_holder_at_a_time_and_tokens_grow(self, leases: Leases) -> None:
        name = uuid4().hex
        first = await leases.acquire(name, 30)
        assert first is not None
        assert await leases.acquire(name, 30) is None
        assert await first.renew()
        await first.release()
        second = await leases.acquire(name, 30)
        assert second is not None
        assert second.token > first.token
        assert not await first.renew(), "a late holder learns that it is late"
        await first.release()
        assert await leases.acquire(name, 30) is None, "a late release frees nobody else's lease"

    async def test_a_lease_ends_by_itself(self, leases: Leases, pass_time: object) -> None:
        name = uuid4().hex
        first = await leases.acquire(name, 0.05)
        assert first is not None
        await pass_time(0.1)  # type: ignore[operator]
        assert not await first.renew()
        assert await leases.acquire(name, 30) is not None
