"""The review desk: what waits for a person, and the person's answer. First answer wins."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field
from storyreel_contracts import Model
from storyreel_contracts.films import ReviewDecision

from storyreel_gateway.domain.commands import decided
from storyreel_gateway.domain.reviewing import reviews_of
from storyreel_gateway.domain.state import FilmState
from storyreel_gateway.domain.tenants import Caller, Scope
from storyreel_gateway.domain.view import ReviewView
from storyreel_gateway.routes.doors import Doors, doors_of, require
from storyreel_gateway.routes.problems import ProblemError
from storyreel_gateway.workflows.claims import Claim

router = APIRouter(prefix="/v1/reviews", tags=["reviews"])
Reviewer = Annotated[Caller, Depends(require(Scope.REVIEW))]


class DecisionRequest(Model):
    """A reviewer's answer."""

    decision: Literal["approve", "reject"]
    note: str = Field(default="", max_length=2_000)


class ReviewList(Model):
    """Reviews that wait, next due first."""

    reviews: list[ReviewView]


@router.get("")
async def reviews(request: Request, caller: Reviewer, limit: Annotated[int, Query(ge=1, le=200)] = 100) -> ReviewList:
    """What waits for a person."""
    return ReviewList(reviews=await open_reviews_of(doors_of(request), caller, limit))


@router.get("/{review_id}")
async def review(request: Request, caller: Reviewer, review_id: str) -> ReviewView:
    """One review, open or not."""
    return (await find(doors_of(request), caller, review_id))[1]


@router.post("/{review_id}", status_code=202)
async def decide_review(request: Request, caller: Reviewer, review_id: str, body: DecisionRequest) -> ReviewView:
    """Decide. 409 with the truth if someone else decided otherwise, or time ran out."""
    return await decide(doors_of(request), caller, review_id, body)


async def open_reviews_of(doors: Doors, caller: Caller, limit: int) -> list[ReviewView]:
    """Open reviews of the caller's tenant."""
    found = []
    for review_id, film_id in await doors.index.reviews(caller.tenant.id, limit):
        state = await doors.films.state(film_id)
        found += [v for v in reviews_of(state) if v.review_id == review_id and v.state == "open"] if state else []
    return found


async def find(doors: Doors, caller: Caller, review_id: str) -> tuple[FilmState, ReviewView]:
    """A review of the caller's tenant with its film. Raises ProblemError (404)."""
    film_id = await doors.index.film_of_review(caller.tenant.id, review_id)
    film = await doors.film(caller, film_id) if film_id else None
    view = next((v for v in reviews_of(film) if v.review_id == review_id), None) if film else None
    if film is None or view is None:
        raise ProblemError("not-found", "There is no such review of yours.")
    return film, view


async def decide(doors: Doors, caller: Caller, review_id: str, body: DecisionRequest) -> ReviewView:
    """Write the decision. Raises ProblemError."""
    film, view = await find(doors, caller, review_id)
    if view.state == "closed":
        raise ProblemError("wrong-state", "This review is closed: its subject was ruled on, or its version has ended.")
    fact = decided(film, view, ReviewDecision(body.decision), caller.name, body.note, doors.clock.now())
    claim = Claim(key=f"reviews/{film.film_id}/{review_id}", value=f"{body.decision} by {caller.name}")
    truth = await doors.claims.write(claim, [fact])
    if truth:
        raise ProblemError("wrong-state", f"This review was decided before: {truth}.")
    # A read model that is being built anew knows the film before it knows the review.
    shown = await doors.until(film.film_id, lambda state: _state_of(state, review_id) not in {"open", ""})
    return next(v for v in reviews_of(shown or film) if v.review_id == review_id)


def _state_of(film: FilmState, review_id: str) -> str:
    return next((view.state for view in reviews_of(film) if view.review_id == review_id), "")
