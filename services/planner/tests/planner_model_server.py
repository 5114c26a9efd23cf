"""A small OpenAI-compatible endpoint on a real socket: says what it is told to, and keeps what it was asked."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

Reply = str | int | None  # an answer's text, an error status, or None: never answer
NOT_JSON, EMPTY_OBJECT = "\0not json", "\0{}"  # status 200 with a body that is not of the protocol


@dataclass
class ModelServer:
    """Gives `replies` in order; the last one for ever."""

    replies: list[Reply] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: Request) -> Response:
        """One chat completion."""
        self.asked.append(await request.json())
        reply = self.replies[min(len(self.asked), len(self.replies)) - 1]
        if reply is None:
            await self.released.wait()
            return JSONResponse({}, status_code=503)
        if isinstance(reply, int):
            return JSONResponse({"error": {"message": "as told", "type": "test"}}, status_code=reply)
        if reply == NOT_JSON:
            return PlainTextResponse("<html>a proxy's page</html>")
        if reply == EMPTY_OBJECT:
            return JSONResponse({})
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": reply}}
        whole = {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
        return JSONResponse(whole)


@asynccontextmanager
async def serving(*replies: Reply) -> AsyncIterator[ModelServer]:
    """The endpoint, for the time of the block."""
    model = ModelServer(list(replies))
    app = Starlette(routes=[Route("/v1/chat/completions", model.answer, methods=["POST"])])
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        model.url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        running = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield model
        finally:
            model.released.set()
            server.should_exit = True
            await running


def script_json(change: Callable[[dict[str, Any]], None] | None = None, shots: int = 3) -> str:
    """A good answer for the usual brief, changed as told."""
    script = {
        "title": "Run", "logline": "A shoe runs.", "style": "clean", "setting": "a street", "lighting": "soft day",
        "cast": [{"id": "subject", "name": "shoe", "description": "a red shoe"}],
        "shots": [
            {
                "scene": "One", "beat": "open", "seconds": 3.0, "subject": f"a red shoe strides, part {i}", "size": "wide",
                "camera": "static", "transition_in": "cut", "caption": "", "narration": "", "cast": ["subject"],
            }
            for i in range(shots)
        ],
    }  # fmt: skip
    if change:
        change(script)
    return json.dumps(script)
