"""What logs, lists and intents promise. One suite for the twins and for real Redis; subclasses bring the parts."""

import asyncio
from datetime import timedelta
from uuid import uuid4

from gateway_facts import START, Script
from storyreel_gateway.domain.decisions import LiveEvent
from storyreel_gateway.domain.ports import FilmLog, Index, Intents
from storyreel_gateway.domain.presenting import summary_of
from storyreel_gateway.domain.reading import read
from storyreel_gateway.domain.state import FilmState


def an_entry(text: str) -> LiveEvent:
    film = read(FilmState(), Script().requested().events[0])
    return LiveEvent(type="film.requested.v1", text=text, film=summary_of(film))


class LogSuite:
    """Promises of the live log."""

    def log(self) -> FilmLog:
        raise NotImplementedError

    async def test_entries_come_back_in_order_and_after_any_id(self) -> None:
        log, film = self.log(), uuid4().hex
        for i in range(5):
            await log.append(film, an_entry(str(i)))
        found = await log.read(film, "0-0", 0.1)
        assert [entry.text for _, entry in found] == ["0", "1", "2", "3", "4"]
        assert await log.last(film) == found[-1][0]
        assert await log.read(film, found[2][0], 0.1) == found[3:]

    async def test_a_reader_waits_for_the_next_entry(self) -> None:
        log, film = self.log(), uuid4().hex
        reading = asyncio.create_task(log.read(film, "0-0", 2))
        await asyncio.sleep(0.05)
        await log.append(film, an_entry("news"))
        assert [entry.text for _, entry in await reading] == ["news"]

    async def test_a_silent_log_answers_with_nothing_in_time(self) -> None:
        log, film = self.log(), uuid4().hex
        assert await log.last(film) == "0-0"
        assert await log.read(film, "0-0", 0.05) == []

    async def test_films_have_logs_of_their_own(self) -> None:
        log, film = self.log(), uuid4().hex
        await log.append(film, an_entry("mine"))
        assert await log.read(uuid4().hex, "0-0", 0.05) == []


class IndexSuite:
    """Promises of the lists."""

    def index(self) -> Index:
        raise NotImplementedError

    async def test_films_are_listed_newest_first_once_and_by_tenant(self) -> None:
        index, tenant = self.index(), uuid4().hex
        for i in (1, 0, 2, 1):
            await index.add_film(tenant, f"film-{i}", START + timedelta(seconds=i))
        await index.add_film(tenant, "film-0", START + timedelta(days=1))
        page = await index.films(tenant, None, 2)
        assert [film for film, _ in page] == ["film-2", "film-1"]
        assert [film for film, _ in await index.films(tenant, page[-1][1], 2)] == ["film-0"]
        assert await index.films(uuid4().hex, None, 9) == []

    async def test_a_film_is_known_to_its_tenant_alone(self) -> None:
        index, tenant = self.index(), uuid4().hex
        await index.add_film(tenant, "film", START)
        assert await index.film_at(tenant, "film") == START
        assert await index.film_at(uuid4().hex, "film") is None

    async def test_reviews_are_listed_by_due_time_until_closed_and_stay_findable(self) -> None:
        index, tenant = self.index(), uuid4().hex
        await index.open_review(tenant, "late", "film-a", START + timedelta(hours=2))
        await index.open_review(tenant, "soon", "film-b", START + timedelta(hours=1))
        assert await index.reviews(tenant, 9) == [("soon", "film-b"), ("late", "film-a")]
        await index.close_review(tenant, "soon")
        await index.close_review(tenant, "soon")
        assert await index.reviews(tenant, 9) == [("late", "film-a")]
        assert await index.film_of_review(tenant, "soon") == "film-b"
        assert await index.film_of_review(uuid4().hex, "late") is None


class IntentsSuite:
    """Promises of the intents."""

    def intents(self) -> Intents:
        raise NotImplementedError

    async def test_an_intent_is_kept_until_it_is_dropped(self) -> None:
        intents, name = self.intents(), uuid4().hex
        await intents.put(name, "one")
        await intents.put(name, "two")
        assert (await intents.all())[name] == "two"
        await intents.drop(name)
        await intents.drop(name)
        assert name not in await intents.all()
