"""`Storyreel`: everything that a campaign system or an operator does over HTTP.

async with connect(stack) as studio:
    film = await studio.submit(brief)
    async for view in studio.watch(film.film_id): ...
    await studio.download_all(view, Path("out"))
"""

import asyncio
import mimetypes
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from pydantic import ValidationError
from storyreel_contracts import ArtifactRef, Brief
from storyreel_contracts.films import BrandEdit, ShotEdit

from storyreel_client.downloads import save
from storyreel_client.errors import NotFoundError, UnreachableError, UsageError
from storyreel_client.http import Http
from storyreel_client.publishing import new_brief_id
from storyreel_client.sse import ServerEvent
from storyreel_client.stack import Stack
from storyreel_client.views import FilmView, LiveEvent, Review, Submission, Summary, after

Sleep = Callable[[float], Awaitable[None]]
_RECONNECT_S = (0.5, 1.0, 2.0, 4.0, 8.0)
_POLL_S = 0.5
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Storyreel:
    """The studio over HTTP. All methods raise StoryreelError and nothing else on purpose."""

    def __init__(self, http: Http, sleep: Sleep = asyncio.sleep) -> None:
        self._http, self._sleep = http, sleep

    async def submit(self, brief: Brief, brief_id: str = "") -> Submission:
        """Start a film. `brief_id` is the idempotency key: the same again is the same film."""
        headers = {"idempotency-key": brief_id or new_brief_id()}
        return Submission.model_validate(await self._http.post("/v1/films", brief.model_dump(mode="json"), headers))

    async def dry_run(self, brief: Brief) -> dict[str, Any]:
        """Script, shot list, price and verdict; nothing is rendered."""
        headers = {"idempotency-key": new_brief_id()}
        found: dict[str, Any] = await self._http.post("/v1/films", brief.model_dump(mode="json"), headers, dry_run="true")
        return found

    async def film(self, film_id: str) -> FilmView:
        """The film as it stands."""
        return FilmView.model_validate(await self._http.get(f"/v1/films/{film_id}"))

    async def films(self, limit: int = 50) -> list[Summary]:
        """This tenant's films, newest first."""
        found = await self._http.get("/v1/films", limit=limit)
        return [Summary.model_validate(f) for f in _listed(found, "films")]

    async def watch(self, film_id: str, *, patience_s: float = 0.0) -> AsyncIterator[FilmView]:
        """The film each time it changed, until its version ends. A lost line is taken up where it broke.

        A film that the gateway does not know yet is waited for up to `patience_s` seconds (its brief may still be on
        Kafka). Raises NotFoundError, or UnreachableError after five failures in a row.
        """
        view, last_id, failures = await self._first(film_id, patience_s), "", 0
        yield view
        while not view.done:
            try:
                async for event in self._http.events(f"/v1/films/{film_id}/events", last_id):
                    last_id, failures = event.id or last_id, 0
                    view = await self._after(view, event)
                    yield view
                    if view.done:
                        return
                view = await self.film(film_id)
                yield view
            except UnreachableError:
                if failures >= len(_RECONNECT_S):
                    raise
            if not view.done:
                await self._sleep(_RECONNECT_S[min(failures, len(_RECONNECT_S) - 1)])
                failures += 1

    async def _first(self, film_id: str, patience_s: float) -> FilmView:
        waited = 0.0
        while True:
            try:
                return await self.film(film_id)
            except NotFoundError:
                if waited >= patience_s:
                    raise
            await self._sleep(_POLL_S)
            waited += _POLL_S

    async def _after(self, view: FilmView, event: ServerEvent) -> FilmView:
        try:
            if event.name == "snapshot":
                return FilmView.model_validate_json(event.data)
            live = LiveEvent.model_validate_json(event.data)
        except ValidationError:  # a kind of event that this client does not know: look at the film itself
            return await self.film(view.film_id)
        return after(view, live) or await self.film(view.film_id)

    async def edit(self, film_id: str, edits: Sequence[ShotEdit | BrandEdit]) -> Any:
        """Change shots or brand words; starts the next version, which rebuilds only what the edit reaches."""
        body = {"edits": [e.model_dump(mode="json", exclude_none=True) for e in edits]}
        return await self._http.post(f"/v1/films/{film_id}/edits", body)

    async def approve(self, film_id: str) -> Any:
        """Let the finals be rendered."""
        return await self._http.post(f"/v1/films/{film_id}/approve")

    async def cancel(self, film_id: str, reason: str) -> Any:
        """End the film's running version."""
        return await self._http.post(f"/v1/films/{film_id}/cancel", {"reason": reason})

    async def reviews(self) -> list[Review]:
        """What waits for a person."""
        return [Review.model_validate(r) for r in _listed(await self._http.get("/v1/reviews"), "reviews")]

    async def decide(self, review_id: str, decision: str, note: str = "") -> Any:
        """Answer a review: `approve` or `reject`."""
        return await self._http.post(f"/v1/reviews/{review_id}", {"decision": decision, "note": note})

    async def upload(self, path: Path) -> ArtifactRef:
        """Bring a picture or a sound into the tenant's store; the gateway probes it before it may be used."""
        data = await asyncio.to_thread(path.read_bytes)
        media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        slot = await self._http.post("/v1/uploads", {"filename": path.name, "media_type": media_type, "size": len(data)})
        await self._http.send_form(slot["url"], slot.get("fields") or {}, (path.name, data, media_type))
        done = await self._http.post(f"/v1/uploads/{slot['upload_id']}/complete")
        return ArtifactRef.model_validate(done.get("artifact", done))

    async def download(self, view: FilmView, name: str, folder: Path) -> Path:
        """Save one of the film's files under its own name; its hash is checked. Raises UsageError or VerificationError."""
        if not _PLAIN_NAME.fullmatch(name):
            raise UsageError(f"{name!r} is not a name for a file.", next_step="Choose one of the film's files.")
        known = view.artifacts.get(name)
        async with self._http.download(f"/v1/films/{view.film_id}/artifacts/{name}") as answer:
            return await save(answer.aiter_bytes(), folder / name, known.sha256 if known else "")

    async def download_all(self, view: FilmView, folder: Path) -> list[Path]:
        """Save all published files of a film."""
        return [await self.download(view, name, folder) for name in sorted(view.files)]


@asynccontextmanager
async def connect(stack: Stack) -> AsyncIterator[Storyreel]:
    """The studio of a stack. Raises UsageError if its address or key is not known."""
    stack.need("url", "api_key")
    async with httpx.AsyncClient(timeout=httpx.Timeout(60.0, connect=5.0)) as client:
        yield Storyreel(Http(client, url=stack.url, api_key=stack.api_key))


def _listed(found: Any, name: str) -> list[Any]:
    listed: list[Any] = found.get(name, []) if isinstance(found, dict) else found
    return listed
