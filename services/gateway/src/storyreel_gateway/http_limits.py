"""Middleware in plain ASGI, so that event streams pass untouched: body size, security headers, request metrics."""

import time

from starlette.datastructures import Headers as RequestHeaders
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from storyreel_gateway import metrics
from storyreel_gateway.routes.problems import ProblemError, answer

MAX_BODY = 2**20


class BodyLimit:
    """Answers 413 to bodies above one mebibyte, whether or not they say their length."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting its bytes."""
        length = RequestHeaders(scope=scope).get("content-length", "0") if scope["type"] == "http" else "0"
        if not length.isdigit() or int(length) > MAX_BODY:
            await _refuse(scope, receive, send)
            return
        await self._app(scope, _Counted(receive), send)


class _Counted:
    def __init__(self, receive: Receive) -> None:
        self._receive, self._size = receive, 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._size += len(message.get("body", b""))
        if self._size > MAX_BODY:
            raise HTTPException(413)  # the one exception that the framework lets through while it reads a body
        return message


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    document = answer(ProblemError("too-large", f"The body has more than {MAX_BODY} bytes."), scope["path"])
    await document(scope, receive, send)


class Headers:
    """Security headers on every answer; the page policy allows local assets and the object store's media, nothing else."""

    def __init__(self, app: ASGIApp, media_origins: str) -> None:
        self._app = app
        media = f"'self' {media_origins}".strip()
        self._policy = (
            f"default-src 'none'; script-src 'self'; style-src 'self'; img-src {media}; media-src {media}; connect-src 'self'; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and add headers to its answer."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["content-security-policy"] = self._policy
                headers["x-content-type-options"] = "nosniff"
                headers.setdefault("referrer-policy", "same-origin")
                headers.setdefault("cache-control", "no-cache" if scope["path"].startswith("/static/") else "no-store")
            await send(message)

        await self._app(scope, receive, with_headers)


class Measured:
    """Counts requests by route, and times those that are not streams."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and note its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), [500]

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                status[0] = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            metrics.REQUESTS.labels(scope["method"], route, str(status[0])).inc()
            if not route.endswith("/events"):
                metrics.REQUEST_SECONDS.labels(route).observe(time.perf_counter() - started)
