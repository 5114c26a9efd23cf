"""RFC 9457 problem documents. Every `type` is a path that explains itself: `GET /problems/{slug}`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse
from storyreel_contracts import Problem
from storyreel_contracts.problems import problem_of

MEDIA_TYPE = "application/problem+json"
router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Kind:
    """A kind of problem."""

    status: int
    title: str
    retryable: bool
    meaning: str


KINDS = {
    "invalid-brief": Kind(
        422,
        "The request names something that cannot be",
        False,
        "Each entry of `problems` names a field, the reason and the remedy. Nothing was started.",
    ),
    "idempotency-mismatch": Kind(
        422,
        "This Idempotency-Key belongs to another body",
        False,
        "The key was used before with another body. Use a new key for a new film.",
    ),
    "in-flight": Kind(
        409, "The same request is being answered", True, "Send it again in a moment; the answer will be the same."
    ),
    "wrong-state": Kind(
        409, "The film is not where it would have to be", False, "`detail` says where it is. Nothing was changed."
    ),
    "unauthorized": Kind(401, "No valid key", False, "Send `Authorization: Bearer <key>` with a key of your tenant."),
    "forbidden": Kind(
        403, "This key may not do that", False, "The key's role does not cover the call. Ask for a key with another role."
    ),
    "not-found": Kind(404, "Not found", False, "There is nothing of yours under this name."),
    "method-not-allowed": Kind(405, "This address does not take that method", False, "See /v1/openapi.json."),
    "too-large": Kind(413, "The body is too large", False, "Bodies may have one mebibyte. Upload media through /v1/uploads."),
    "too-many-streams": Kind(
        429, "Too many event streams", True, "Close streams that nobody watches, or read the film instead."
    ),
    "no-answer-in-time": Kind(
        504,
        "No answer in time",
        True,
        "The plan or its verdict did not come in time. Nothing was rendered; try again with a new key.",
    ),
    "unavailable": Kind(
        503, "A part of the house is away", True, "Nothing was lost. Try again in a moment, with the same Idempotency-Key."
    ),
    "internal": Kind(500, "Something went wrong on our side", True, "It was logged. Try again with the same Idempotency-Key."),
}


class ProblemError(Exception):
    """Answer this request with a problem document."""

    def __init__(
        self, slug: str, detail: str, problems: Sequence[Problem] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{slug}: {detail}")
        self.slug, self.detail, self.problems, self.headers = slug, detail, list(problems), dict(headers or {})


def answer(error: ProblemError, path: str) -> JSONResponse:
    """The document."""
    kind = KINDS[error.slug]
    body = {
        "type": f"/problems/{error.slug}", "title": kind.title, "status": kind.status, "detail": error.detail, "instance": path,
        "retryable": kind.retryable, "problems": [problem.model_dump() for problem in error.problems],
    }  # fmt: skip
    return JSONResponse(body, kind.status, headers=error.headers, media_type=MEDIA_TYPE)


def invalid(problems: Sequence[Problem]) -> ProblemError:
    """422 that names fields."""
    return ProblemError("invalid-brief", f"{problems[0].field}: {problems[0].reason}", problems)


def from_validation(errors: Sequence[Any]) -> ProblemError:
    """422 from what FastAPI found; never echoes the offending value."""
    return invalid([problem_of(_inside(error["loc"], error["type"]), error["type"], error["msg"]) for error in errors])


def _inside(loc: Sequence[int | str], kind: str) -> tuple[int | str, ...]:
    inner = tuple(loc[1:])
    if not inner and kind == "value_error":
        return ()  # a rule over several fields; its message begins with the field's name
    return inner if inner and not isinstance(inner[0], int) else ("body",)


@router.get("/problems/{slug}")
async def explain(slug: str) -> PlainTextResponse:
    """What a problem type means."""
    kind = KINDS.get(slug)
    if kind is None:
        raise ProblemError("not-found", f"There is no problem type {slug[:60]}.")
    again = "Sending the request again can help." if kind.retryable else "Sending the same again will not help."
    return PlainTextResponse(f"{kind.title} ({kind.status})\n\n{kind.meaning}\n{again}\n")
