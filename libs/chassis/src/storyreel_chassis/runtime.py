"""Handling one event: load the fold, decide, do the work, publish, save. Called by delivery, for every room alike.

Publish comes before save: a crash between them publishes again under the same ids, and readers drop what they have seen.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from pydantic import BaseModel
from storyreel_contracts import Envelope, Event, decode, encode
from storyreel_contracts.decisions import Decision, NewFact, Task, Timer
from storyreel_contracts.ids import event_id

from storyreel_chassis import metrics, tracing
from storyreel_chassis.clock import Clock
from storyreel_chassis.folds import Fold, FoldStore, Held, Loaded, TimerKey
from storyreel_chassis.publisher import Publisher
from storyreel_chassis.work import Room

_SEEN_LIMIT = 20_000  # ids kept per film; far above what a film of sixty shots with all its attempts brings


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """A room with its store, its publisher and its clock."""

    room: Room
    folds: FoldStore
    publisher: Publisher
    clock: Clock
    _locks: "WeakValueDictionary[str, asyncio.Lock]" = field(default_factory=WeakValueDictionary)

    async def handle(self, event: Event, attempt: int = 1) -> bool:
        """Bring the event to its end. Returns False if it was seen before. Raises what the performer raises."""
        fresh, held = await self._settle(event, attempt)
        while held:
            settled = [await self._settle(_thaw(h), attempt) for h in held]
            if not any(s.changed for s in settled):
                break
            held = settled[-1].held
        return fresh

    async def _settle(self, event: Event, attempt: int) -> "_Settled":
        """Decide, perform what is missing, decide again, until the fold could be saved."""
        with tracing.span(f"handle {event.envelope.type}", event.envelope.trace, film_id=event.film_id) as trace:
            step = _Step(self, event, attempt, trace)
            while True:
                lock = self._locks.setdefault(event.film_id, asyncio.Lock())
                async with lock:
                    result = await step.try_once()
                if result is not None:
                    return result
                await step.perform_missing()

    def state_of(self, fold: Fold) -> BaseModel:
        """The room's own state in a fold."""
        return self.room.decider.empty() if fold.state is None else self.room.state.model_validate(fold.state)

    def event_for(self, new: NewFact, cause: Event, trace: str) -> Event:
        """Put a fact into its envelope; its id follows from its cause."""
        cause_id = new.cause_id or cause.event_id
        envelope = Envelope(
            event_id=event_id(cause_id, new.data.TYPE, new.discriminator),
            type=new.data.TYPE,
            source=f"/storyreel/{self.room.name}",
            film_id=cause.film_id,
            tenant_id=cause.envelope.tenant_id,
            occurred_at=self.clock.now(),
            cause_id=cause_id,
            deadline=new.deadline or cause.envelope.deadline,
            trace=trace,
        )
        return Event(envelope, new.data)


class _Settled(NamedTuple):
    """What became of an event: whether the fold changed, and what waits in the fold now."""

    changed: bool
    held: list[Held]


class _Step:
    """One event on its way through one room; remembers outcomes so that no work is done twice in one handling."""

    def __init__(self, runtime: Runtime, event: Event, attempt: int, trace: str) -> None:
        self._runtime, self.event, self.attempt, self._trace = runtime, event, attempt, trace
        self._outcomes: dict[str, Any] = {}
        self._missing: list[Task] = []

    async def try_once(self) -> _Settled | None:
        """None: work is missing, or another replica was first."""
        loaded = await self._runtime.folds.load(self.event.film_id)
        if self.event.event_id in loaded.fold.seen:
            return _Settled(False, loaded.fold.held)
        decision = self._runtime.room.decider.decide(self._runtime.state_of(loaded.fold), self.event)
        if decision.hold:
            return await self._hold(loaded)
        self._missing = [t for t in decision.tasks if t.key not in self._outcomes]
        if self._missing:
            return None
        return await self._conclude(loaded, self._absorb(decision))

    async def perform_missing(self) -> None:
        """Do the tasks that have no outcome yet, side by side."""
        tasks, self._missing = self._missing, []
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(self._runtime.room.performer.perform(t, self)) for t in tasks]
        self._outcomes |= {t.key: r.result() for t, r in zip(tasks, running, strict=True)}

    async def say(self, fact: NewFact) -> None:
        """Publish at once; not remembered in the fold."""
        await self._runtime.publisher.publish(self._runtime.event_for(fact, self.event, self._trace))

    async def state(self) -> Any:
        """The film's state as it is now."""
        return self._runtime.state_of((await self._runtime.folds.load(self.event.film_id)).fold)

    def _absorb(self, decision: Decision[Any]) -> Decision[Any]:
        facts, timers, state = list(decision.facts), list(decision.timers), decision.state
        for task in decision.tasks:
            more = self._runtime.room.decider.absorb(state, self.event, task, self._outcomes[task.key])
            if more.tasks or more.hold:
                raise TypeError(f"{self._runtime.room.name}: absorb({task.key}) may not ask for tasks or hold")
            state, facts, timers = more.state, [*facts, *more.facts], [*timers, *more.timers]
        return Decision(state=state, facts=facts, timers=timers)

    async def _conclude(self, loaded: Loaded, decision: Decision[Any]) -> _Settled | None:
        events = [self._runtime.event_for(f, self.event, self._trace) for f in decision.facts]
        if events:
            await self._runtime.publisher.publish(*events)
        fold = loaded.fold
        changed = Fold(
            state=decision.state.model_dump(mode="json"),
            seen=[*fold.seen, self.event.event_id][-_SEEN_LIMIT:],
            held=_without(fold.held, self.event),
            parked=[i for i in fold.parked if i != self.event.event_id],
        )
        return await self._save(loaded, changed, decision.timers)

    async def _hold(self, loaded: Loaded) -> _Settled | None:
        if len(_without(loaded.fold.held, self.event)) < len(loaded.fold.held):
            return _Settled(False, loaded.fold.held)
        headers, value = encode(self.event)
        held = [*loaded.fold.held, Held(headers=headers, value=value.decode())]
        parked = [i for i in loaded.fold.parked if i != self.event.event_id]
        return await self._save(loaded, loaded.fold.model_copy(update={"held": held, "parked": parked}), ())

    async def _save(self, loaded: Loaded, fold: Fold, timers: Iterable[Timer]) -> _Settled | None:
        whose = TimerKey(self.event.film_id, self.event.envelope.tenant_id)
        if await self._runtime.folds.save(whose, Loaded(fold, loaded.version), tuple(timers)):
            return _Settled(True, fold.held)
        metrics.CONFLICTS.inc()
        return None


def _thaw(held: Held) -> Event:
    return decode([(k, v.encode()) for k, v in held.headers.items()], held.value.encode())


def _without(held: list[Held], event: Event) -> list[Held]:
    return [h for h in held if h.headers["ce_id"] != event.event_id]
