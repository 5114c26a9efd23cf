"""A chapter of a run: films, some trouble, rest, judgement. And what is reported of it."""

import asyncio
import time
from dataclasses import dataclass, field, replace

from history import Violation, judge
from meter import steps
from outside import Bucket, Eyes, history_of, lag_of
from pour import Pour
from records import TERMINAL, History
from stage import Stage, meter_of

_LAG_PATIENCE_S = 60.0
_STORIES = 5


@dataclass
class Reached:
    """What a goal came to. `control` is 'yes: …' when the checker found what the missing guard let through, 'NO', or ''."""

    goal: str
    wanted: str
    figures: dict[str, float | int | str] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)
    control: str = ""
    skipped: str = ""
    stories: dict[str, list[str]] = field(default_factory=dict)  # what was written of films that violate something

    @property
    def well(self) -> bool:
        """Nothing violated, and the control, if there was one, caught."""
        return not self.violations and "NO" not in self.control


@dataclass
class Run:
    """What all chapters share."""

    stage: Stage
    eyes: Eyes
    bucket: Bucket
    silence_s: float = 60.0

    def chapter(self) -> "Chapter":
        """A new one."""
        return Chapter(self)


class Chapter:
    """Films of one goal or one control."""

    def __init__(self, run: Run) -> None:
        self._run, self.since = run, time.monotonic()
        self.pour = Pour(run.stage.endpoints, run.eyes)

    @property
    def _brokers(self) -> str:
        return str(self._run.stage.endpoints["kafka"]["bootstrap_servers"])

    async def history(self, silence_s: float = 0.0) -> History:
        """Wait until all is still, then look at everything from outside."""
        at_rest = await self.pour.rest(silence_s or self._run.silence_s)
        await self._run.eyes.caught_up()
        lag = await _settled_lag(self._brokers, _LAG_PATIENCE_S if at_rest else 0.0)
        found = await asyncio.to_thread(history_of, self.pour.films, list(self._run.eyes.records), self._run.bucket)
        return replace(found, steps=tuple(steps(meter_of(self._run.stage.context))), lag=lag)

    async def close(self, into: Reached, silence_s: float = 0.0) -> History:
        """Judge by all rules; figures that every goal reports."""
        history = await self.history(silence_s)
        found = judge(history)
        into.violations += found
        into.stories |= {v.film: story(history, v.film) for v in found[:_STORIES] if v.film}
        ends = [r.type.split(".")[1] for r in history.every(*TERMINAL)]
        minutes = (time.monotonic() - self.since) / 60
        into.figures |= {"films": len(self.pour.films), **{word: ends.count(word) for word in sorted(set(ends))}}
        into.figures |= {"minutes": round(minutes, 1), "films_per_minute": round(len(ends) / minutes, 1)}
        return history

    async def caught(self, silence_s: float, *more: Violation) -> str:
        """For a control: what the checker found once nobody has anything left to do (slow is not lost)."""
        if not await self.pour.rest(silence_s):
            if lag := await _settled_lag(self._brokers, 2 * _LAG_PATIENCE_S):
                return f"NO: not at rest, {lag}"
            await self.pour.rest(silence_s)
        found = [*judge(await self.history(1.0)), *more]
        return f"yes: {found[0].rule} ({len(found)})" if found else "NO"


def story(history: History, film: str) -> list[str]:
    """All that was written of a film, for whoever looks for the cause."""
    mine = sorted((r for r in history.records if r.key == film), key=lambda r: r.at_ms)
    return [f"{r.at_ms} {r.topic}/{r.partition}@{r.offset} {r.type} {r.event_id} <- {r.cause_id}" for r in mine]


async def _settled_lag(brokers: str, seconds: float = _LAG_PATIENCE_S) -> dict[str, int]:
    """Lag once it is gone, or what is left of it when it has not changed for so long: ended films may leave work behind."""
    lag, since = await lag_of(brokers), time.monotonic()
    while lag and time.monotonic() - since < seconds:
        await asyncio.sleep(1)
        before, lag = lag, await lag_of(brokers)
        since = since if lag == before else time.monotonic()
    return lag
