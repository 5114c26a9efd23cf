"""Reads server-sent events (the WHATWG event stream format) from lines of text."""

from collections.abc import AsyncIterator
from dataclasses import dataclass


@dataclass(frozen=True)
class ServerEvent:
    """One event; `id` is what to resume after."""

    id: str
    name: str
    data: str


async def parse(lines: AsyncIterator[str]) -> AsyncIterator[ServerEvent]:
    """Events of a stream. Pings and unknown fields are passed over; a torn last event is dropped."""
    last_id, name, data = "", "message", list[str]()
    async for line in lines:
        if not line:
            if data:
                yield ServerEvent(last_id, name, "\n".join(data))
            name, data = "message", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            data.append(value)
        elif field == "event":
            name = value
        elif field == "id":
            last_id = value
