"""Live events of a film by SSE. Resumed from the film's log in the store, never from this process's memory."""

import re
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.sse import EventSourceResponse, format_sse_event

from storyreel_gateway import metrics
from storyreel_gateway.domain.presenting import summary_of
from storyreel_gateway.domain.state import FilmState
from storyreel_gateway.routes.doors import Doors, doors_of, view_of
from storyreel_gateway.routes.films import Reader
from storyreel_gateway.routes.problems import ProblemError

router = APIRouter(prefix="/v1/films", tags=["films"])
_ID = re.compile(r"^\d{1,20}-\d{1,20}$")
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
_PING = format_sse_event(comment="ping")


@router.get("/{film_id}/events", response_class=Response, responses={200: {"content": {"text/event-stream": {}}}})
async def events(
    request: Request, caller: Reader, film_id: str, last_event_id: Annotated[str, Header()] = "",
    after: Annotated[str, Query(alias="last_event_id")] = "",
) -> Response:  # fmt: skip
    """What happens to the film, as it happens: `snapshot` first (or what came after Last-Event-ID), then a fact at a time."""
    doors = doors_of(request)
    state = await doors.film(caller, film_id)
    resume = next((i for i in (last_event_id, after) if _ID.match(i)), "")
    if resume and summary_of(state).terminal and await doors.log.last(film_id) == resume:
        return Response(status_code=204)  # tells EventSource not to come back
    if doors.streams[caller.tenant.id] >= doors.options.streams_per_tenant:
        raise ProblemError(
            "too-many-streams", f"{doors.options.streams_per_tenant} streams are open.", headers={"retry-after": "5"}
        )
    stream = _counted(doors, caller.tenant.id, _follow(doors, film_id, resume))
    return EventSourceResponse(stream, headers=_HEADERS)


async def _counted(doors: Doors, tenant_id: str, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    doors.streams[tenant_id] += 1
    metrics.STREAMS.inc()
    try:
        async for chunk in stream:
            yield chunk
    finally:
        doors.streams[tenant_id] -= 1
        metrics.STREAMS.dec()


async def _follow(doors: Doors, film_id: str, resume: str) -> AsyncIterator[bytes]:
    after = resume or await doors.log.last(film_id)
    state = await doors.films.state(film_id)
    if not resume:
        yield _snapshot(state or FilmState(film_id=film_id), after)
    spoken = doors.clock.monotonic()
    while not await _is_over(doors, film_id, after):
        for after, entry in await doors.log.read(film_id, after, doors.options.ping_s):  # noqa: B020
            yield format_sse_event(event=entry.type, id=after, data_str=entry.model_dump_json())
            spoken = doors.clock.monotonic()
        if doors.clock.monotonic() - spoken >= doors.options.ping_s:
            yield _PING
            spoken = doors.clock.monotonic()


def _snapshot(state: FilmState, log_id: str) -> bytes:
    return format_sse_event(event="snapshot", id=log_id, data_str=view_of(state).model_dump_json())


async def _is_over(doors: Doors, film_id: str, after: str) -> bool:
    state = await doors.films.state(film_id)
    return state is not None and summary_of(state).terminal and await doors.log.last(film_id) == after
