"""The HTTP application: routes, problem documents, limits, headers. Built by `app` (and by tests) from its doors."""

import logging
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from storyreel_chassis.errors import Permanent, Transient, Unavailable

from storyreel_gateway.http_limits import BodyLimit, Headers, Measured
from storyreel_gateway.routes import actions, artifacts, events, films, me, pages, problems, reviews, uploads
from storyreel_gateway.routes.doors import Doors, identify
from storyreel_gateway.routes.pages import SignInRequiredError
from storyreel_gateway.routes.problems import ProblemError
from storyreel_gateway.routes.rendering import FOLDER, page

log = logging.getLogger(__name__)
_API = (films, events, actions, artifacts, uploads, reviews, me, problems, pages)
_SLUGS = {404: "not-found", 405: "method-not-allowed", 413: "too-large"}


def create_api(doors: Doors) -> FastAPI:
    """The application. Nothing is opened here."""
    api = FastAPI(
        title="Storyreel", version="1", description="From a brief to a finished, checked, signed film.", docs_url=None,
        redoc_url=None, openapi_url="/v1/openapi.json",
    )  # fmt: skip
    api.state.doors = doors
    for part in _API:
        api.include_router(part.router)
    api.mount("/static", StaticFiles(directory=FOLDER / "static"))
    for kind, handler in _HANDLERS.items():
        api.add_exception_handler(kind, handler)
    api.add_middleware(BodyLimit)
    api.add_middleware(Headers, media_origins=doors.options.media_origins)
    api.add_middleware(Measured)
    return api


async def _problem(request: Request, error: Any) -> Response:
    return _answer(request, error)


def _answer(request: Request, error: ProblemError) -> Response:
    """The problem as a document, or as a page for people who look with a browser."""
    wants_page = "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/v1/")
    if not wants_page:
        return problems.answer(error, request.url.path)
    kind, back = problems.KINDS[error.slug], request.headers.get("referer", "/films")
    values = {
        "kind": kind,
        "detail": error.detail,
        "problems": error.problems,
        "back": back if "://" not in back else _path_of(back),
    }
    return page(request, "problem.html", identify(request, by_cookie=True), kind.status, **values)


def _path_of(url: str) -> str:
    return f"/{url.split('://', 1)[1].partition('/')[2]}"


async def _sign_in(request: Request, _: Any) -> Response:
    return RedirectResponse(f"/signin?next={quote(request.url.path)}", 303)


async def _invalid(request: Request, error: Any) -> Response:
    return _answer(request, problems.from_validation(error.errors()))


async def _http(request: Request, error: Any) -> Response:
    slug = _SLUGS.get(error.status_code, "internal")
    return _answer(request, ProblemError(slug, problems.KINDS[slug].meaning, headers=error.headers))


async def _away(request: Request, error: Any) -> Response:
    log.warning("%s %s: %s", request.method, request.url.path, error)
    away = ProblemError("unavailable", "A part of the house does not answer.", headers={"retry-after": "2"})
    return _answer(request, away)


async def _internal(request: Request, error: Any) -> Response:
    log.error("%s %s", request.method, request.url.path, exc_info=error)
    return _answer(request, ProblemError("internal", "Something went wrong on our side; it was logged."))


_HANDLERS: dict[type[Exception], Any] = {
    ProblemError: _problem,
    SignInRequiredError: _sign_in,
    RequestValidationError: _invalid,
    HTTPException: _http,
    Transient: _away,
    Unavailable: _away,
    Permanent: _internal,
    Exception: _internal,
}
