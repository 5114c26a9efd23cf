"""A language model that answers late, wrongly, or not at all, behind the planner's own adapter for such models."""

import asyncio
import random
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import httpx
import openai
from openai.types.chat import ChatCompletion
from simloop import SimClock
from simprocess import Gate
from storyreel_chassis.work import Room
from storyreel_contracts import ModelCard
from storyreel_planner.adapters.openai_writer import Endpoint, OpenAIWriter
from storyreel_planner.domain.composing import Written
from storyreel_planner.domain.template import write_script
from storyreel_planner.domain.work import WritePlan

ENDPOINT = Endpoint(base_url="http://writer/v1", api_key="k", model="dice", timeout_s=60)
_ASKED: ContextVar[tuple[WritePlan, ModelCard]] = ContextVar("asked")
_REQUEST = httpx.Request("POST", f"{ENDPOINT.base_url}/chat/completions")


class LanguageModel:
    """The endpoint, as the client library shows it. `wrong` is the chance that an answer is of no use."""

    def __init__(self, chance: random.Random, wrong: float, gate: Gate) -> None:
        self._chance, self._wrong, self._gate = chance, wrong, gate
        self.chat = SimpleNamespace(completions=self)

    async def create(self, **_: Any) -> ChatCompletion:
        """A script for what is asked, no two alike; or trouble. Raises what `openai` raises."""
        await self._gate.pass_("writer")
        await asyncio.sleep(self._chance.expovariate(1 / 5))
        await self._gate.pass_("writer")
        work, card = _ASKED.get()
        script = write_script(work.brief, card)
        told = script.model_copy(update={"logline": f"told for the {self._chance.random():.6f}th time"}).model_dump_json()
        if self._chance.random() >= self._wrong:
            return _completion(told)
        return await self._chance.choice(_TROUBLES)(told)

    async def close(self) -> None:
        """Nothing to close."""


async def _late(_: str) -> ChatCompletion:
    await asyncio.sleep(ENDPOINT.timeout_s)
    raise openai.APITimeoutError(_REQUEST)


async def _gone(_: str) -> ChatCompletion:
    raise openai.APIConnectionError(request=_REQUEST)


def _refusing(status: int) -> Callable[[str], Any]:
    async def refuse(_: str) -> ChatCompletion:
        raise openai.APIStatusError("the dice", response=httpx.Response(status, request=_REQUEST), body=None)

    return refuse


def _saying(change: Callable[[str], str]) -> Callable[[str], Any]:
    async def say(told: str) -> ChatCompletion:
        return _completion(change(told))

    return say


_TROUBLES = (
    _late, _gone, _refusing(401), _refusing(429), _refusing(500), _saying(lambda _: ""),
    _saying(lambda told: told[: len(told) // 2]), _saying(lambda told: told.replace("}", ', "tool": "rm"}', 1)),
)  # fmt: skip


def _completion(text: str) -> ChatCompletion:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    whole = {"id": "c", "object": "chat.completion", "created": 1, "model": ENDPOINT.model, "choices": [choice]}
    return ChatCompletion.model_validate(whole)


class DiceWriter(OpenAIWriter):
    """The planner's own adapter; it lets the model know what it is asked for without reading the prompt."""

    async def write(self, work: WritePlan, card: ModelCard) -> Written:
        """As ever."""
        _ASKED.set((work, card))
        return await super().write(work, card)


@dataclass(frozen=True)
class Writing:
    """Chance that an answer is of no use, and whether the template stands in for who gave none."""

    wrong: float
    fallback: bool


def written_by_dice(room: Room, gate: Gate, chance: random.Random, writing: Writing) -> Room:
    """The planner's room with such a model; every call to it is a crash point."""
    writer = DiceWriter(ENDPOINT, room.performer.store, SimClock(), LanguageModel(chance, writing.wrong, gate))
    return replace(room, performer=replace(room.performer, writer=writer, fallback=writing.fallback))
