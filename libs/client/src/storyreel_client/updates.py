"""Watches films on Kafka: the public topic `film-updates`, for those who have the broker but not the gateway."""

from collections.abc import AsyncIterator
from typing import Protocol

from storyreel_contracts import FilmStatus, FilmUpdated, decode
from storyreel_contracts.envelope import ContractError
from storyreel_contracts.topics import FILM_UPDATES

from storyreel_client.records import StoredRecord
from storyreel_client.views import FilmView


class Followed(Protocol):
    """A topic that goes on."""

    def follow(self, topic: str, *, from_start: bool) -> AsyncIterator[StoredRecord]:
        """Records as they come, for ever; from the beginning or from now."""
        ...


async def watch_updates(reader: Followed, film_id: str) -> AsyncIterator[FilmView]:
    """The film each time its public status changed, from the first on, until the version that runs has ended.

    An edit starts a version after a terminal one: watching goes on if a newer version is already in the topic.
    """
    async for record in reader.follow(FILM_UPDATES.name, from_start=True):
        view = _view(record) if record.key == film_id.encode() else None
        if view:
            yield view
            if view.done:
                return


def _view(record: StoredRecord) -> FilmView | None:
    """None for types that this client does not know and for records that break the contract: others may write newer ones."""
    try:
        event = decode(record.headers, record.value or b"")
    except (ContractError, KeyError):
        return None
    if not isinstance(event.data, FilmUpdated):
        return None
    fields = event.data.model_dump(mode="json", exclude={"status"})
    return FilmView(film_id=event.film_id, status=FilmStatus(event.data.status), **fields)
