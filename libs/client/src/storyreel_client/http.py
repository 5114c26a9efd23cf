"""HTTP to the gateway: one place that adds the key, reads problem documents and turns failures into our errors."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
from pydantic import TypeAdapter, ValidationError
from storyreel_contracts import Problem

from storyreel_client.errors import BriefError, NotFoundError, StoryreelError, UnreachableError, UsageError
from storyreel_client.sse import ServerEvent, parse

Json = Any
_PROBLEMS = TypeAdapter(list[Problem])
_SILENCE_S = 60.0  # the gateway pings far more often; longer silence means that the line is dead


class Http:
    """A thin client: JSON in, JSON out."""

    def __init__(self, client: httpx.AsyncClient, *, url: str, api_key: str) -> None:
        """`client` belongs to the caller, who closes it."""
        self._client, self._url = client, url.rstrip("/")
        self._headers = {"authorization": f"Bearer {api_key}", "accept": "application/json"}

    async def get(self, path: str, **params: str | int) -> Json:
        """JSON answer of a GET."""
        return (await self._request("GET", path, params=params)).json()

    async def post(self, path: str, body: Json = None, headers: Mapping[str, str] | None = None, **params: str) -> Json:
        """JSON answer of a POST; None where there is no body."""
        answer = await self._request("POST", path, json=body or {}, headers=headers, params=params)
        return answer.json() if answer.content else None

    async def send_form(self, url: str, fields: Mapping[str, str], file: tuple[str, bytes, str]) -> None:
        """Post a form with one file to a presigned address; our key stays at home."""
        with _answers(url):
            answer = await self._client.post(url, data=dict(fields), files={"file": file})
        if answer.is_error:
            raise UnreachableError(
                f"The store refused the upload of {file[0]} ({answer.status_code}).",
                meaning="No film was started.",
                next_step="Try again; if it stays so, look at the store's log.",
            )

    @asynccontextmanager
    async def download(self, path: str) -> AsyncIterator[httpx.Response]:
        """A file, to be read piece by piece. Follows the gateway to the store without taking the key along."""
        with _answers(self._url):
            async with self._client.stream("GET", self._url + path, headers=self._headers, follow_redirects=True) as answer:
                await _check(answer)
                yield answer

    async def events(self, path: str, last_id: str = "") -> AsyncIterator[ServerEvent]:
        """Server-sent events after `last_id`, until the gateway ends the stream."""
        headers = {**self._headers, "accept": "text/event-stream"} | ({"last-event-id": last_id} if last_id else {})
        timeout = httpx.Timeout(10.0, read=_SILENCE_S)
        with _answers(self._url):
            async with self._client.stream("GET", self._url + path, headers=headers, timeout=timeout) as answer:
                await _check(answer)
                async for event in parse(answer.aiter_lines()):
                    yield event

    async def _request(self, method: str, path: str, headers: Mapping[str, str] | None = None, **more: Any) -> httpx.Response:
        with _answers(self._url):
            answer = await self._client.request(method, self._url + path, headers={**self._headers, **(headers or {})}, **more)
        await _check(answer)
        return answer


class _answers:  # noqa: N801 - reads as a phrase at its uses
    """Turn what httpx raises into UnreachableError."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: object) -> None:
        if isinstance(error, httpx.HTTPError | httpx.InvalidURL):
            raise UnreachableError(
                f"The gateway at {self._url} did not answer ({type(error).__name__}).",
                meaning="Films that were started go on; only this command stopped.",
                next_step="See that the stack runs (`make up`) and that STORYREEL_URL or stack.json is right.",
            ) from error


async def _check(answer: httpx.Response) -> None:
    if not answer.is_error:
        return
    await answer.aread()
    document = _problem_document(answer)
    what = str(document.get("detail") or document.get("title") or f"The gateway answered {answer.status_code}.")
    problems = _problems(document)
    if problems:
        raise BriefError(what, problems)
    make = _KINDS.get(answer.status_code)
    if make is None or document.get("retryable"):
        raise UnreachableError(what, meaning="The request was not carried out.", next_step="Try again in a moment.")
    raise make(what)


def _problem_document(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _problems(document: dict[str, Any]) -> list[Problem]:
    try:
        return _PROBLEMS.validate_python(document.get("problems") or document.get("errors") or [])
    except ValidationError:
        return []


def _forbidden(what: str) -> StoryreelError:
    return NotFoundError(what, meaning="Nothing was changed.", next_step="Check STORYREEL_API_KEY and the role of this key.")


def _absent(what: str) -> StoryreelError:
    return NotFoundError(what, meaning="Nothing was changed.", next_step="List what there is: storyreel films")


def _refused(what: str) -> StoryreelError:
    return UsageError(what, meaning="Nothing was changed.", next_step="Look at the film: storyreel watch FILM")


_KINDS: dict[int, Callable[[str], StoryreelError]] = {
    401: _forbidden, 403: _forbidden, 404: _absent, **dict.fromkeys((400, 409, 413, 415, 422), _refused),
}  # fmt: skip
