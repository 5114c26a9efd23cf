"""What the director says, asks for and puts off while it looks at a film once. Used by `directing` and `producing`."""

from dataclasses import dataclass, field
from datetime import datetime

from storyreel_contracts import Fact, FilmFailed
from storyreel_contracts.decisions import NewFact, Task, Timer

from storyreel_planner.domain.money import ledger
from storyreel_planner.domain.rules import Rules
from storyreel_planner.domain.state import FilmState, VersionState
from storyreel_planner.domain.takes import Lost
from storyreel_planner.domain.work import ClaimOutcome


@dataclass
class Desk:
    """Collects facts, tasks and timers. `now` is the latest time that an event of the film brought."""

    state: FilmState
    rules: Rules
    film_id: str
    now: datetime
    may_work: bool = True  # False in `absorb`: what needs work is put off to a timer that is due at once
    facts: list[NewFact] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    timers: list[Timer] = field(default_factory=list)

    def say(self, version: VersionState, fact: Fact, discriminator: str) -> None:
        """Publish a fact of this version, once; its id depends on the version's first fact and the discriminator."""
        name = f"{fact.TYPE}:{discriminator}"
        if name not in version.said:
            version.said.add(name)
            due = version.deadline
            self.facts.append(NewFact(data=fact, discriminator=discriminator, cause_id=version.cause_id, deadline=due))

    def time(self, version: VersionState, name: str, due: datetime) -> None:
        """Ask for a timer of this version, once."""
        timer = name if ":" in name else f"{name}:v{version.number}"
        if f"timer:{timer}" not in version.said:
            version.said.add(f"timer:{timer}")
            self.timers.append(Timer(name=timer, due=due))

    def resume(self, version: VersionState) -> None:
        """Look again at once, in an event of its own."""
        self.timers.append(Timer(name=f"resume:v{version.number}", due=self.now))

    def fail(self, version: VersionState, lost: Lost) -> None:
        """End the version by claim; nothing more is decided for it."""
        if not self.may_work:
            self.resume(version)
            return
        version.outcome = "lost"  # until the claim is won
        failed = FilmFailed(
            version=version.number, kind=lost.kind, reason=lost.reason, spent_micros=ledger(self.state).spent,
            problems=list(lost.problems), remedies=list(lost.remedies),
        )  # fmt: skip
        work = ClaimOutcome(film_id=self.film_id, tenant_id=self.state.tenant_id, version=version.number, failed=failed)
        self.tasks.append(Task(key=f"claim:v{version.number}", work=work))
