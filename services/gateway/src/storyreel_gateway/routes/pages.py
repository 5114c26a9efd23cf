"""The film page, the list, the review desk, the way in. Forms work without scripts; scripts only make them livelier."""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import parse_qs, quote, urlsplit

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from storyreel_contracts import problems_of
from storyreel_contracts.films import ShotEdit

from storyreel_gateway.domain.presenting import summary_of
from storyreel_gateway.domain.sessions import COOKIE, LIFETIME, seal
from storyreel_gateway.domain.tenants import Caller, Scope
from storyreel_gateway.domain.view import FilmView
from storyreel_gateway.routes import actions, reviews
from storyreel_gateway.routes.doors import doors_of, identify, view_of
from storyreel_gateway.routes.problems import ProblemError, invalid
from storyreel_gateway.routes.rendering import page

router = APIRouter(include_in_schema=False)
_PAGE = 20
_FACTS = 60


class SignInRequiredError(Exception):
    """Nobody is signed in; the page asks for a key."""


async def signed_in(request: Request) -> Caller:
    """Whoever is signed in. A form from another site is nobody's."""
    caller = identify(request, by_cookie=request.method in {"GET", "HEAD"} or _from_here(request))
    if caller is None:
        raise SignInRequiredError
    return caller


Person = Annotated[Caller, Depends(signed_in)]
Form = dict[str, str]


async def form_of(request: Request) -> Form:
    """Fields of a posted form."""
    return {name: values[-1] for name, values in parse_qs((await request.body()).decode(errors="replace")).items()}


Fields = Annotated[Form, Depends(form_of)]


@router.get("/")
async def home() -> Response:
    """The list is home."""
    return RedirectResponse("/films", 303)


@router.get("/signin")
async def sign_in_form(request: Request) -> Response:
    """Ask for a key."""
    return page(request, "signin.html", None, next=_local(request.query_params.get("next", "")), wrong=False)


@router.post("/signin")
async def sign_in(request: Request, fields: Fields) -> Response:
    """Turn a key into a cookie that holds no key."""
    doors, target = doors_of(request), _local(fields.get("next", ""))
    caller = doors.tenants.now().caller(fields.get("key", "").strip())
    if caller is None or not _from_here(request):
        return page(request, "signin.html", None, 401, next=target, wrong=True)
    answer = RedirectResponse(target, 303)
    value = seal(caller.key_sha256, doors.options.session_secret, doors.clock.now())
    answer.set_cookie(
        COOKIE,
        value,
        max_age=int(LIFETIME.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=doors.options.secure_cookies,
    )
    return answer


@router.post("/signout")
async def sign_out() -> Response:
    """Forget the cookie."""
    answer = RedirectResponse("/signin", 303)
    answer.delete_cookie(COOKIE)
    return answer


@router.get("/films")
async def film_list(request: Request, caller: Person, before: datetime | None = None) -> Response:
    """The tenant's films."""
    doors = doors_of(request)
    listed = await doors.index.films(caller.tenant.id, before, _PAGE)
    rows = [summary_of(state) for state in [await doors.films.state(film_id) for film_id, _ in listed] if state]
    following = quote(listed[-1][1].isoformat()) if len(listed) == _PAGE else ""
    return page(request, "films.html", caller, films=rows, next=following)


@router.get("/films/{film_id}")
async def film_page(request: Request, caller: Person, film_id: str, aspect: str = "") -> Response:
    """One film."""
    doors = doors_of(request)
    view = view_of(await doors.film(caller, film_id))
    last = await doors.log.last(film_id)
    return page(
        request, "film.html", caller, film=view, player=_player(view, aspect), facts=view.facts[:_FACTS], last=last, said=""
    )


@router.post("/films/{film_id}/approve")
async def approve(request: Request, caller: Person, film_id: str) -> Response:
    """The approve button."""
    await actions.approve(doors_of(request), _may(caller, Scope.SUBMIT), film_id)
    return _back(film_id)


@router.post("/films/{film_id}/cancel")
async def cancel(request: Request, caller: Person, film_id: str, fields: Fields) -> Response:
    """The cancel button."""
    await actions.cancel(doors_of(request), _may(caller, Scope.SUBMIT), film_id, fields.get("reason", "")[:500])
    return _back(film_id)


@router.post("/films/{film_id}/edit")
async def edit(request: Request, caller: Person, film_id: str, fields: Fields) -> Response:
    """A shot's form: a new line, or a new take."""
    shot_id, caption = fields.get("shot_id", ""), fields.get("caption")
    new_take = "new_take" in fields
    caption = None if caption is None or new_take else caption[:500]
    change = ShotEdit(shot_id=shot_id, caption=caption, new_take=new_take)
    await actions.edit(doors_of(request), _may(caller, Scope.SUBMIT), film_id, [change])
    return _back(film_id)


@router.get("/reviews")
async def desk(request: Request, caller: Person, review: str = "") -> Response:
    """The review desk: one thing to decide at a time."""
    waiting = await reviews.open_reviews_of(doors_of(request), _may(caller, Scope.REVIEW), 100)
    at = next((i for i, one in enumerate(waiting) if one.review_id == review), 0)
    return page(request, "reviews.html", caller, reviews=waiting, at=at)


@router.post("/reviews/{review_id}")
async def decide(request: Request, caller: Person, review_id: str, fields: Fields) -> Response:
    """The desk's buttons."""
    note = " ".join(part for part in (fields.get("remedy", ""), fields.get("note", "")) if part)
    try:
        body = reviews.DecisionRequest.model_validate({"decision": fields.get("decision", ""), "note": note[:2000]})
    except ValidationError as error:
        raise invalid(problems_of(error)) from error
    await reviews.decide(doors_of(request), _may(caller, Scope.REVIEW), review_id, body)
    return RedirectResponse("/reviews", 303)


def _may(caller: Caller, scope: Scope) -> Caller:
    if not caller.may(scope):
        raise ProblemError("forbidden", f"A {caller.role} key may not {scope}.")
    return caller


def _back(film_id: str) -> Response:
    return RedirectResponse(f"/films/{quote(film_id)}", 303)


def _from_here(request: Request) -> bool:
    origin = request.headers.get("origin")
    same = origin is None or urlsplit(origin).netloc == request.headers.get("host", "")
    return same and request.headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}


def _local(target: str) -> str:
    return target if target.startswith("/") and not target.startswith(("//", "/\\")) else "/films"


def _player(view: FilmView, wanted: str) -> dict[str, Any] | None:
    """What to play: the published film, else the newest cut; with the aspects that can be had."""
    for prefix in ("film", "final", "preview"):
        names = {a: f"{prefix}-{a.replace(':', 'x')}.mp4" for a in view.aspects}
        there = {a: name for a, name in names.items() if name in view.artifacts}
        if there:
            aspect = wanted if wanted in there else next(iter(there))
            poster = next(
                (n for n in ("thumbnail.jpg", f"{prefix}-thumbnail.jpg", "final-thumbnail.jpg") if n in view.artifacts), ""
            )
            return {"name": there[aspect], "aspect": aspect, "aspects": list(there), "prefix": prefix, "poster": poster}
    return None
