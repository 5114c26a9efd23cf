"""A language model behind any OpenAI-compatible endpoint. It writes scripts; the schema and `faults` decide what passes.

It gets no tools, and nothing of its answer is used but the checked fields of a script. The first good answer for equal
inputs is stored and read by everyone, so a plan that was written twice is the same plan.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol, cast

import openai
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam
from openai.types.shared_params import ResponseFormatJSONSchema
from pydantic import ValidationError
from storyreel_chassis.artifacts import ArtifactStore
from storyreel_chassis.clock import Clock, SystemClock
from storyreel_contracts import FailureKind, ModelCard, build_key, canonical_json
from storyreel_contracts.plan import Backend

from storyreel_planner import metrics
from storyreel_planner.adapters.prompting import RECIPE, Message, opening, repair
from storyreel_planner.domain.composing import Written
from storyreel_planner.domain.ports import WriterUnavailable
from storyreel_planner.domain.script import Script, answer_schema, faults
from storyreel_planner.domain.work import WritePlan

NAME = "openai"
_BACKOFF_S = 0.5
_MAX_ANSWER = 200_000  # characters


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where the model is and how patient we are. Seconds per answer; `tries` counts answers, repairs included."""

    base_url: str
    api_key: str
    model: str
    timeout_s: float = 60.0
    tries: int = 3
    max_tokens: int = 8_000


class _NoAnswerError(Exception):
    """This try brought nothing; `final` means that another one would bring the same."""

    def __init__(self, kind: FailureKind, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.kind, self.reason, self.final = kind, reason, final


class Client(Protocol):
    """What is used of `openai.AsyncOpenAI`; a simulation brings its own."""

    @property
    def chat(self) -> Any:
        """`chat.completions.create(...)`."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class OpenAIWriter:
    """Adapter of `ScriptWriter`."""

    def __init__(
        self, endpoint: Endpoint, store: ArtifactStore, clock: Clock | None = None, client: Client | None = None
    ) -> None:
        self._endpoint, self._store, self._clock = endpoint, store, clock or SystemClock()
        self._client: Client = client or openai.AsyncOpenAI(
            base_url=endpoint.base_url, api_key=endpoint.api_key, timeout=endpoint.timeout_s, max_retries=0
        )

    @property
    def name(self) -> str:
        """Backend and model."""
        return f"{NAME} {self._endpoint.model}"

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def write(self, work: WritePlan, card: ModelCard) -> Written:
        """A checked script. Raises WriterUnavailable after `tries` answers."""
        messages = opening(work, card)
        inputs = {"model": self._endpoint.model, "messages": messages, "schema": answer_schema(), "recipe": RECIPE}
        key = f"keys/answers/{work.tenant_id}/{build_key('script', inputs)}"
        stored = await self._store.recall(key)
        if stored is None:
            script = await self._obtain(work, messages)
            stored = await self._store.remember(key, canonical_json(script))
        backend = Backend(
            name=NAME,
            model=self._endpoint.model,
            prompt_sha256=sha256(canonical_json(inputs)).hexdigest(),
            answer=await self._store.put(stored, "application/json"),
        )
        return Written(Script.model_validate_json(stored), backend)

    async def _obtain(self, work: WritePlan, messages: list[Message]) -> Script:
        """Ask until an answer passes, feeding back what was wrong with the last one."""
        last = _NoAnswerError(FailureKind.INTERNAL, "no try was allowed")
        for attempt in range(self._endpoint.tries):
            try:
                answer = await self._ask(messages)
            except _NoAnswerError as error:
                metrics.ANSWERS.labels(error.kind.value).inc()
                last = error
                if error.final:
                    break
                if attempt + 1 < self._endpoint.tries:
                    await self._clock.sleep(_BACKOFF_S * 2**attempt)
                continue
            script, wrong = _read(answer, work)
            metrics.ANSWERS.labels("unusable" if script is None else "good").inc()
            if script is not None:
                return script
            last = _NoAnswerError(FailureKind.MODEL_FAULT, f"its answers are not usable: {'; '.join(wrong[:3])}")
            messages = repair(messages, answer, wrong)
        raise WriterUnavailable(last.kind, last.reason)

    async def _ask(self, messages: list[Message]) -> str:
        try:
            reply = await self._client.chat.completions.create(
                model=self._endpoint.model,
                messages=[cast("ChatCompletionMessageParam", m._asdict()) for m in messages],
                response_format=_response_format(),
                max_tokens=self._endpoint.max_tokens,
            )
        except openai.APITimeoutError as error:
            reason = f"no answer within {self._endpoint.timeout_s:g} s"
            raise _NoAnswerError(FailureKind.TIMEOUT, reason) from error
        except openai.APIStatusError as error:
            raise _refused(error) from error
        except openai.APIError as error:  # no connection, or a reply that is not of the protocol
            raise _NoAnswerError(FailureKind.DEPENDENCY_DOWN, f"{type(error).__name__}: {error.message}"[:300]) from error
        return _text_of(reply)


def _text_of(reply: object) -> str:
    """The answer's text. The client hands over whatever came with status 200, so its shape is looked at here."""
    plain = reply.model_dump() if isinstance(reply, ChatCompletion) else {}
    try:
        text = plain["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError) as error:
        reason = "the endpoint's reply is no chat completion; is PLANNER_OPENAI_BASE_URL right?"
        raise _NoAnswerError(FailureKind.DEPENDENCY_DOWN, reason) from error
    return text if isinstance(text, str) else ""


def _refused(error: openai.APIStatusError) -> _NoAnswerError:
    busy = error.status_code in {408, 409, 429}
    kind = FailureKind.CAPACITY if error.status_code == 429 else FailureKind.DEPENDENCY_DOWN
    reason = f"the endpoint answered with status {error.status_code}"
    return _NoAnswerError(kind, reason, final=error.status_code < 500 and not busy)


def _read(answer: str, work: WritePlan) -> tuple[Script | None, list[str]]:
    """The script, or what is wrong with the answer in words that the model can act on."""
    if not answer.strip():
        return None, ["the answer is empty"]
    if len(answer) > _MAX_ANSWER:
        return None, [f"the answer has more than {_MAX_ANSWER} characters"]
    try:
        script = Script.model_validate_json(answer)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False, include_context=False)
        return None, [f"{'.'.join(map(str, e['loc'])) or 'answer'}: {e['msg']}" for e in found[:12]]
    wrong = faults(script, work.brief)
    return (None, wrong) if wrong else (script, [])


def _response_format() -> ResponseFormatJSONSchema:
    schema: dict[str, Any] = answer_schema()
    return {"type": "json_schema", "json_schema": {"name": "script", "schema": schema, "strict": True}}
