"""What people ask of a film: edit, approve, cancel. Shared by the API and the pages' forms."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, Body, Request
from pydantic import Field
from storyreel_contracts import FilmStatus, Model, canonical_json
from storyreel_contracts.films import Edit

from storyreel_gateway.domain.commands import RefusedError, approved, cancelled, edit_problems, edited
from storyreel_gateway.domain.presenting import links_of
from storyreel_gateway.domain.state import FilmState
from storyreel_gateway.domain.status import status_of
from storyreel_gateway.domain.tenants import Caller
from storyreel_gateway.routes.doors import Doors, doors_of
from storyreel_gateway.routes.films import Accepted, IdempotencyKey, Submitter
from storyreel_gateway.routes.problems import ProblemError, invalid
from storyreel_gateway.workflows.claims import Claim, cancellation
from storyreel_gateway.workflows.once import InFlightError, OtherBodyError

router = APIRouter(prefix="/v1/films", tags=["films"])


class EditRequest(Model):
    """Changes that make the next version."""

    edits: list[Edit] = Field(min_length=1, max_length=60)


class CancelRequest(Model):
    """Why a film is cancelled."""

    reason: str = Field(default="cancelled by request", max_length=500)


@router.post("/{film_id}/edits", status_code=202)
async def edit_film(
    request: Request, caller: Submitter, film_id: str, body: EditRequest, idempotency_key: IdempotencyKey = None
) -> Accepted:
    """Begin the next version; what the edit does not reach keeps its bytes."""
    doors, mark = doors_of(request), sha256(canonical_json(body)).hexdigest()

    async def work() -> str:
        return (await edit(doors, caller, film_id, body.edits)).model_dump_json()

    if idempotency_key is None:
        return Accepted.model_validate_json(await work())
    try:
        name = f"edit/{caller.tenant.id}/{film_id}/{idempotency_key}"
        return Accepted.model_validate_json(await doors.once.run(name, mark, work))
    except InFlightError as error:
        raise ProblemError("in-flight", "This edit is being answered.", headers={"retry-after": "1"}) from error
    except OtherBodyError as error:
        raise ProblemError("idempotency-mismatch", "This Idempotency-Key was used before with other edits.") from error


@router.post("/{film_id}/approve", status_code=202)
async def approve_film(request: Request, caller: Submitter, film_id: str) -> Accepted:
    """Let the finals be rendered."""
    return await approve(doors_of(request), caller, film_id)


@router.post("/{film_id}/cancel", status_code=202)
async def cancel_film(
    request: Request, caller: Submitter, film_id: str, body: Annotated[CancelRequest | None, Body()] = None
) -> Accepted:
    """End the newest version. 409 with the truth if it has ended already."""
    return await cancel(doors_of(request), caller, film_id, (body or CancelRequest()).reason)


async def edit(doors: Doors, caller: Caller, film_id: str, edits: Sequence[Edit]) -> Accepted:
    """Begin the next version. Raises ProblemError."""
    film = await doors.film(caller, film_id)
    try:
        fact = edited(film, edits, caller.name, doors.clock.now())
    except RefusedError as error:
        raise ProblemError("wrong-state", error.reason) from error
    problems = edit_problems(film, edits)
    if problems:
        raise invalid(problems)
    number = film.newest + 1
    if not status_of(film).terminal:
        end = cancelled(film, film.newest, f"superseded by version {number}", caller.name, doors.clock.now(), number)
        await doors.claims.write(cancellation(film_id, film.newest), [end])  # lost: it has ended, which is as good
    mark = sha256(canonical_json([e.model_dump(mode="json") for e in edits])).hexdigest()
    if await doors.claims.write(Claim(key=f"edits/{film_id}/v{number}", value=mark), [fact]):
        raise ProblemError("wrong-state", f"Another edit began version {number} just now; look at it and edit again.")
    return await _answer(doors, film, number, lambda state: state.newest >= number)


async def approve(doors: Doors, caller: Caller, film_id: str) -> Accepted:
    """Approve the preview. Raises ProblemError."""
    film = await doors.film(caller, film_id)
    try:
        fact = approved(film, caller.name, doors.clock.now())
    except RefusedError as error:
        raise ProblemError("wrong-state", error.reason) from error
    await doors.publisher.publish(fact)
    return await _answer(doors, film, film.newest, lambda state: state.version(film.newest).approved is not None)


async def cancel(doors: Doors, caller: Caller, film_id: str, reason: str) -> Accepted:
    """Cancel the newest version. Raises ProblemError with the truth if another end was first."""
    film = await doors.film(caller, film_id)
    status, version = status_of(film), film.newest
    if status.terminal and status != FilmStatus.CANCELLED:
        raise ProblemError("wrong-state", f"Version {version} has ended already: it is {status}.")
    fact = cancelled(film, version, reason or CancelRequest().reason, caller.name, doors.clock.now())
    truth = await doors.claims.write(cancellation(film_id, version), [fact])
    if truth:
        raise ProblemError("wrong-state", f"Version {version} cannot be cancelled any more: it is {truth}.")
    return await _answer(doors, film, version, lambda state: state.version(version).outcome is not None)


async def _answer(doors: Doors, film: FilmState, version: int, done: Callable[[FilmState], bool]) -> Accepted:
    shown = await doors.until(film.film_id, done)
    status = status_of(shown) if shown else status_of(film)
    return Accepted(film_id=film.film_id, version=version, status=status, links=links_of(film.film_id))
