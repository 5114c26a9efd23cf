"""What is rendered on what: three cost tables, and arrivals of finals and previews that are the same for every side."""

import random
from dataclasses import dataclass, replace

from storyreel_engine.virtual_folder import VirtualSpec

STEP_SECONDS = 0.05
FINAL_STEPS, PREVIEW_STEPS = 50, 4
FREE = {1: 1.0, 4: 1.0}
H200_512PX = {1: 1.00, 2: 1.10, 3: 1.12, 4: 1.44, 8: 2.55, 16: 4.99}
PROPORTIONAL = {1: 1.0, 2: 2.0}


@dataclass(frozen=True)
class Table:
    """A device: what a pass costs by batch size, and how many jobs fit in one; and how many finals keep it busy for 5 to 10 s
    (enough for a whole batch of baseline A), with a preview every `every` seconds of them.
    """

    name: str
    costs: dict[int, float]
    max_batch: int
    finals: int
    every: float = 0.5

    @property
    def spec(self) -> VirtualSpec:
        """50 ms a step, 5 ms to prepare, two decode chunks of 12 ms; no ledger yet."""
        return VirtualSpec(STEP_SECONDS, self.costs, 0.005, 0.012, decode_chunks=2)

    @property
    def preview_seconds(self) -> float:
        """What a preview takes alone, by the table."""
        spec = self.spec
        return PREVIEW_STEPS * spec.table.seconds(1) + spec.prepare_seconds + spec.decode_chunks * spec.decode_seconds


FLAT = Table("flat", FREE, 4, 8)
KNEE = Table("knee", H200_512PX, 8, 8, 0.6)
LINEAR = Table("linear", PROPORTIONAL, 4, 4, 1.0)
TABLES = (FLAT, KNEE, LINEAR)


@dataclass(frozen=True)
class Job:
    """One render that arrives `at` seconds after the start."""

    job_id: str
    tier: str
    steps: int
    at: float = 0.0
    seed: int = 0
    share: str = ""
    checkpoint_every: int = 0
    stop_after: int = 0

    @property
    def goal(self) -> int:
        """Passes until its pictures."""
        return self.stop_after or self.steps

    def body(self) -> dict[str, object]:
        """The REQUEST of the wire contract."""
        fields = ("job_id", "tier", "steps", "seed", "share", "checkpoint_every", "stop_after")
        shape = {"op": "render", "prompt": "a fox in the snow", "width": 64, "height": 64, "frames": 9}
        return {**shape, **{name: getattr(self, name) for name in fields}}


def finals(count: int, *, steps: int = FINAL_STEPS) -> list[Job]:
    """So many finals, all there at the start."""
    return [Job(f"final-{n}", "final", steps, seed=n) for n in range(count)]


def spaced_previews(count: int, rng: random.Random, *, every: float) -> list[Job]:
    """Previews that do not meet each other on an idle device: one in every `every` seconds, somewhere in its first quarter."""
    return [_preview(n, 0.2 + (n + rng.random() / 4) * every) for n in range(count)]


def random_previews(count: int, rng: random.Random, *, every: float) -> list[Job]:
    """Previews of a Poisson process: they do meet."""
    at, found = 0.2, []
    for number in range(count):
        at += rng.expovariate(1 / every)
        found.append(_preview(number, at))
    return found


def mixed(table: Table, seed: int, *, previews: int = 10) -> list[Job]:
    """The saturating mix: a backlog of finals, and previews while they are rendered."""
    return finals(table.finals) + spaced_previews(previews, random.Random(seed), every=table.every)


def renamed(jobs: list[Job], suffix: str) -> list[Job]:
    """The same renders under other ids, so that the ledger tells the runs apart."""
    return [replace(job, job_id=f"{job.job_id}.{suffix}") for job in jobs]


def _preview(number: int, at: float) -> Job:
    return Job(f"preview-{number}", "preview", PREVIEW_STEPS, at, seed=1000 + number)
