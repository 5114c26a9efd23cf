"""Films: submit, list, look."""

from datetime import datetime
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from storyreel_contracts import Brief, FilmStatus, Model, Problem

from storyreel_gateway import metrics
from storyreel_gateway.domain.briefs import Sender, brief_sha256, requested
from storyreel_gateway.domain.commands import cancelled
from storyreel_gateway.domain.dry_runs import dry_run_of
from storyreel_gateway.domain.presenting import links_of, summary_of
from storyreel_gateway.domain.state import FilmState
from storyreel_gateway.domain.tenants import Caller, Scope
from storyreel_gateway.domain.view import DryRun, FilmView, Summary
from storyreel_gateway.routes.doors import Doors, doors_of, require, view_of
from storyreel_gateway.routes.problems import ProblemError, invalid
from storyreel_gateway.workflows.claims import cancellation
from storyreel_gateway.workflows.once import InFlightError

router = APIRouter(prefix="/v1/films", tags=["films"])
Reader = Annotated[Caller, Depends(require(Scope.READ))]
Submitter = Annotated[Caller, Depends(require(Scope.SUBMIT))]
IdempotencyKey = Annotated[str | None, Header(description="the brief's event id; the same key and body are the same film")]


class Accepted(Model):
    """A film version has begun, or something was asked of it."""

    film_id: str
    version: int
    status: FilmStatus
    brief_event_id: str = ""
    links: dict[str, str]


class FilmList(Model):
    """A page of films, newest first."""

    films: list[Summary]
    next: str | None = None


@router.post("", status_code=202, response_model=Accepted | DryRun)
async def submit(
    request: Request, response: Response, caller: Submitter, brief: Brief, idempotency_key: IdempotencyKey = None,
    dry_run: Annotated[bool, Query(description="plan, price and screen only")] = False,
) -> Accepted | DryRun:  # fmt: skip
    """Start a film, or only plan and price it."""
    doors = doors_of(request)
    sender = Sender(tenant_id=caller.tenant.id, brief_event_id=_event_id(idempotency_key), at=doors.clock.now())
    try:
        async with doors.once.alone(f"submit/{sender.film_id}"):
            await _begin(doors, caller, sender, brief, dry_run)
    except InFlightError as error:
        raise ProblemError(
            "in-flight", "A request with this Idempotency-Key is being answered.", headers={"retry-after": "1"}
        ) from error
    response.headers["location"] = f"/v1/films/{sender.film_id}"
    if dry_run:
        response.status_code = 200
        return await _dry_run(doors, sender)
    return Accepted(
        film_id=sender.film_id, version=1, status=FilmStatus.SCREENING, brief_event_id=sender.brief_event_id,
        links=links_of(sender.film_id),
    )  # fmt: skip


@router.get("")
async def films(
    request: Request, caller: Reader, limit: Annotated[int, Query(ge=1, le=100)] = 20, before: datetime | None = None
) -> FilmList:
    """The tenant's films, newest first."""
    doors = doors_of(request)
    listed = await doors.index.films(caller.tenant.id, before, limit)
    states = [(await doors.films.state(film_id)) or FilmState(film_id=film_id) for film_id, _ in listed]
    rows = [Summary.model_validate(dict(summary_of(state)) | _pending(state)) for state in states]
    following = listed[-1][1].isoformat() if len(listed) == limit else None
    return FilmList(films=rows, next=following)


@router.get("/{film_id}")
async def film(request: Request, caller: Reader, film_id: str) -> FilmView:
    """Everything about one film."""
    return view_of(await doors_of(request).film(caller, film_id))


def _pending(state: FilmState) -> dict[str, object]:
    return {} if state.history else {"status": FilmStatus.SCREENING, "detail": "The brief was accepted."}


def _event_id(key: str | None) -> str:
    if key is None:
        return f"http-{uuid4()}"
    if not 1 <= len(key) <= 128 or not key.isascii() or not key.isprintable() or " " in key:
        raise invalid(
            [Problem(field="Idempotency-Key", reason="must be 1 to 128 visible ASCII characters", remedy="send a UUID")]
        )
    return key


async def _begin(doors: Doors, caller: Caller, sender: Sender, brief: Brief, dry_run: bool) -> None:
    fingerprint = f"{brief_sha256(brief)}{':dry' if dry_run else ''}"
    earlier = await doors.desk.accepted(sender)
    if earlier and await doors.index.film_at(caller.tenant.id, sender.film_id) is not None:
        return _check_same(earlier, fingerprint)
    ready, problems, _ = await doors.desk.problems_with(caller.tenant, brief, sender)
    if problems:
        metrics.BRIEFS.labels("http", "refused").inc()
        raise invalid(problems)
    if not await doors.desk.claim(sender, fingerprint):
        raise _other_body()
    await doors.publisher.publish(requested(sender, caller.tenant, ready, http=True, dry_run=dry_run))
    await doors.index.add_film(caller.tenant.id, sender.film_id, sender.at)
    metrics.BRIEFS.labels("http", "accepted").inc()
    return None


def _check_same(earlier: str, fingerprint: str) -> None:
    if earlier != fingerprint:
        raise _other_body()


def _other_body() -> ProblemError:
    return ProblemError("idempotency-mismatch", "This Idempotency-Key was used before with another brief.")


async def _dry_run(doors: Doors, sender: Sender) -> DryRun:
    found = await doors.until(sender.film_id, lambda state: dry_run_of(state) is not None, doors.options.dry_run_wait_s)
    state = found or FilmState(film_id=sender.film_id, tenant_id=sender.tenant_id)
    end = cancelled(state, 1, "dry run", "dry run", doors.clock.now())
    await doors.claims.write(cancellation(sender.film_id, 1), [end])  # lost: safety and planner have ended it already
    result = dry_run_of(found) if found else None
    if result is None:
        raise ProblemError("no-answer-in-time", "The plan or its verdict did not come in time; nothing was rendered.")
    return result
