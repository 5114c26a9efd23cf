"""How many jobs go into the next forward pass, and which. Pure; called by `policy`'s caller with the lead job.

Jobs of the lead's class join while the learned cost says that it pays; lower classes fill spare places only where a pass
hardly becomes longer for it. Past the knee, and on linear cost, a pass is of one job.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from storyreel_engine.policy import CLASS_ORDER, Candidate, Phase, Rank, World, lead, ranked
from storyreel_engine.wire import Tier

SPARE_STRETCH = 1.15
"""A lead preview's pass may always become so much longer through finals that ride along."""
TARGET = 1.6
"""It may become longer still as long as the preview ends within so many times what it takes alone; its promise is twice."""
PREVIEW_STRETCH = 1.5
"""Previews batch together while a pass stays within so many times that of one: alone they must meet twice their time."""
PATIENCE = 0.75
"""A final's pass may be so long, in times of a whole preview: one that comes at its start can still keep its promise."""


@dataclass(frozen=True)
class Turn:
    """The next unit: one job's preparation or decoding, or a pass of several; `trial` when its size is to be measured."""

    phase: Phase
    jobs: tuple[Candidate, ...]
    trial: bool = False


def choose(
    jobs: Sequence[Candidate], world: World, order: Callable[[Sequence[Candidate], World], Rank] = ranked
) -> Turn | None:
    """The next unit of work, or None when there is no job."""
    if not jobs:
        return None
    rank = order(jobs, world)
    first = lead(jobs, rank)
    if first.phase is not Phase.PASS:
        return Turn(first.phase, (first,))
    batch, trial = _batch(first, jobs, rank)
    unready = next((job for job in batch if job.phase is Phase.PREPARE), None)
    if unready is not None:
        return Turn(Phase.PREPARE, (unready,))
    return Turn(Phase.PASS, tuple(batch), trial)


def _batch(first: Candidate, jobs: Sequence[Candidate], rank: Rank) -> tuple[list[Candidate], bool]:
    """The jobs that should share the lead's pass, those of its class that must be prepared for it included."""
    world = rank.world
    fitting = [job for job in jobs if job.key == first.key and not job.alone and job.phase is not Phase.DECODE]
    peers = [job for job in fitting if job.tier is first.tier and job is not first]
    if first.alone:
        return [first], False
    slot = (world.costs.pass_seconds(first.key, 1) or 0.0) / world.costs.best(first.key, world.limit(first.key))
    group = _within_memory([first, *_after(first, peers, rank, slot)], world)
    lower = [job for job in fitting if CLASS_ORDER[job.tier] > CLASS_ORDER[first.tier]]
    trial = None if lower else _trial(group, world)
    if trial is not None:
        return group[:trial], True
    batch = group[: _size(group, world)]
    return batch + _spare(batch, rank.deal(lower, slot), world), False


def _after(first: Candidate, peers: Sequence[Candidate], rank: Rank, slot: float) -> list[Candidate]:
    # Dealt with the lead at the table, so that its share has already had a slot when the next one goes out.
    return [job for job in rank.deal([first, *peers], slot) if job is not first]


def _within_memory(group: Sequence[Candidate], world: World) -> list[Candidate]:
    kept, needed = [group[0]], group[0].working
    for job in group[1 : world.limit(group[0].key)]:
        needed += job.working
        if needed > world.free_memory:
            break
        kept.append(job)
    return kept


def _size(group: Sequence[Candidate], world: World) -> int:
    """How many of the group go together."""
    size = world.costs.best(group[0].key, len(group))
    while size > 1 and (_too_long(group[0], size, world) or _breaks_a_deadline(group[:size], world)):
        size -= 1
    return size


def _trial(group: Sequence[Candidate], world: World) -> int | None:
    """A size to measure, where that harms nobody: no deadline is near, and a preview that comes meanwhile can bear it."""
    size = world.costs.to_try(group[0].key, len(group))
    if size is None or any(_is_near(job, world) for job in group):
        return None
    return None if group[0].tier is Tier.FINAL and _too_long(group[0], size, world) else size


def _is_near(job: Candidate, world: World) -> bool:
    left = world.remaining(job, 2)
    return left is not None and job.deadline - world.now < 2 * left


def _too_long(first: Candidate, size: int, world: World) -> bool:
    seconds, one = world.costs.pass_seconds(first.key, size), world.costs.pass_seconds(first.key, 1)
    if seconds is None or one is None:
        return True
    if first.tier is not Tier.FINAL:
        return seconds > PREVIEW_STRETCH * one
    preview = world.costs.preview_seconds
    return preview is not None and seconds > PATIENCE * preview


def _breaks_a_deadline(batch: Sequence[Candidate], world: World) -> bool:
    """True when somebody who would make it alone does not in a batch of this size."""
    for job in batch:
        alone, together = world.remaining(job), world.remaining(job, len(batch))
        if alone is not None and together is not None and alone <= job.deadline - world.now < together:
            return True
    return False


def _spare(batch: Sequence[Candidate], lower: Sequence[Candidate], world: World) -> list[Candidate]:
    """Those of lower classes that ride along because it pays, while the lead's class, memory and deadlines can bear it."""
    best, needed = [*batch], sum(job.working for job in batch)
    for job in lower:
        needed += job.working
        joined = [*best, job]
        if len(joined) > world.limit(job.key) or needed > world.free_memory or _breaks_a_deadline(joined, world):
            break
        if not _pays(len(batch), len(joined), job.key, world):
            break
        if _bearable(batch, len(joined), world) and (job.phase is Phase.PASS or _has_time_for(batch, job, len(joined), world)):
            best = joined
    return best[len(batch) :]


def _pays(size: int, larger: int, key: str, world: World) -> bool:
    before, after = world.costs.score(key, size), world.costs.score(key, larger)
    return before is not None and after is not None and after < before


def _bearable(batch: Sequence[Candidate], size: int, world: World) -> bool:
    key = batch[0].key
    now, then = world.costs.pass_seconds(key, len(batch)), world.costs.pass_seconds(key, size)
    if now is None or then is None:
        return False
    return then <= SPARE_STRETCH * now or all(_in_time(job, size, 0.0, world) for job in batch)


def _has_time_for(batch: Sequence[Candidate], job: Candidate, size: int, world: World) -> bool:
    """True when the batch can wait until the job is prepared."""
    return all(_in_time(member, size, world.costs.phase_seconds(job.key, Phase.PREPARE), world) for member in batch)


def _in_time(job: Candidate, size: int, delay: float, world: World) -> bool:
    left, alone = world.remaining(job, size), world.alone(job)
    return left is not None and alone is not None and world.now - job.submitted + delay + left <= TARGET * alone
