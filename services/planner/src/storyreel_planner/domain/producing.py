"""Takes, cuts and approval of one version whose plan was cleared. Used by `directing`."""

from dataclasses import dataclass

from storyreel_contracts import Approval, FailureKind, Problem, ShotDowngraded, ShotRequested, Tier

from storyreel_planner.domain.cuts import cut_of, trouble
from storyreel_planner.domain.desk import Desk
from storyreel_planner.domain.money import ledger
from storyreel_planner.domain.specs import first_render
from storyreel_planner.domain.state import VersionState
from storyreel_planner.domain.takes import Accepted, Lost, Takes, Wants
from storyreel_planner.domain.work import PlanRecord


@dataclass
class Producing:
    """Goes through the tiers of a version: all takes, then the cut, then the next tier."""

    desk: Desk
    takes: Takes

    def run(self, version: VersionState) -> None:
        """Take a version whose plan was cleared as far as what is known allows."""
        record = version.plan
        if record is None:
            return
        for tier in record.stages:
            takes = self._takes(version, record, tier)
            if takes is None:
                return
            if tier is Tier.KEYFRAME or self._needs_no_cut(version, record, tier):
                continue
            if not self._cut_done(version, record, tier, takes):
                return

    def _takes(self, version: VersionState, record: PlanRecord, tier: Tier) -> list[Accepted] | None:
        """The accepted takes of a tier; None while one is missing, after asking for what is missing."""
        courses = [self.takes.course(version, tier, i) for i in range(len(record.plan.shots))]
        lost = next((c for c in courses if isinstance(c, Lost)), None)
        if lost:
            self.desk.fail(version, lost)
            return None
        settled = len(version.settled_for)
        for index, course in enumerate(courses):
            if isinstance(course, Wants) and not version.outcome:
                self._want(version, record, (tier, index), course)
        if len(version.settled_for) > settled:
            self.takes = Takes(self.desk.state, self.desk.rules)
            return self._takes(version, record, tier)
        accepted = [c for c in courses if isinstance(c, Accepted)]
        for take in accepted:
            self._say_downgrade(version, tier, take)
        return accepted if len(accepted) == len(courses) else None

    def _want(self, version: VersionState, record: PlanRecord, where: tuple[Tier, int], want: Wants) -> None:
        if want.not_before and self.desk.now < want.not_before:
            self.desk.time(version, f"retry:{want.request.name}", want.not_before)
            return
        expected = self.desk.rules.expected_micros(record.card, want.request.render)
        full = self.desk.rules.limit_micros(record.card, want.request.render)
        kept_back = self._still_needed(version, record, where) if want.fallback else 0
        affords, limit = ledger(self.desk.state).limit_for(expected, full, kept_back)
        if affords == "yes":
            self._request(version, want, limit)
        elif affords == "never" and want.fallback:
            version.settled_for[f"{where[0]}:{want.request.shot_id}"] = FailureKind.BUDGET_EXHAUSTED
        elif affords == "never":
            self.desk.fail(version, self._too_dear(want, expected))

    def _too_dear(self, want: Wants, expected: int) -> Lost:
        book = ledger(self.desk.state)
        reason = (
            f"{want.request.shot_id} needs about {expected} micro-dollars in {want.request.tier.value}, "
            f"{max(0, book.free)} of {book.budget} are left"
        )
        problem = Problem(field="budget.amount", reason=reason, remedy="raise the budget and send the brief again")
        return Lost(FailureKind.BUDGET_EXHAUSTED, reason, (problem,))

    def _still_needed(self, version: VersionState, record: PlanRecord, where: tuple[Tier, int]) -> int:
        """Expected price of every render that the film cannot do without and that nobody has asked for yet."""
        now, later = record.stages.index(where[0]), 0
        for stage, tier in enumerate(record.stages[now:]):
            for i in range(len(record.plan.shots)):
                course = self.takes.course(version, tier, i)
                needed = isinstance(course, Wants) and not course.fallback if not stage else not isinstance(course, Accepted)
                render = course.request.render if isinstance(course, Wants) else first_render(record, tier, i)
                later += self.desk.rules.expected_micros(record.card, render) if needed and (tier, i) != where else 0
        return later

    def _request(self, version: VersionState, want: Wants, limit: int) -> None:
        ask = want.request
        self.desk.state.issued[ask.name] = limit
        fact = ShotRequested(
            version=version.number, shot_id=ask.shot_id, tier=ask.tier, attempt=ask.attempt, key=ask.key, spec=ask.spec,
            price_limit_micros=limit,
        )  # fmt: skip
        self.desk.say(version, fact, ask.name)

    def _say_downgrade(self, version: VersionState, tier: Tier, course: Accepted) -> None:
        if course.downgrade is None:
            return
        less, shot_id = course.downgrade, course.request.shot_id
        fact = ShotDowngraded(
            version=version.number, shot_id=shot_id, tier=tier, quality=less.quality, kind=less.kind, reason=less.reason
        )
        self.desk.say(version, fact, f"v{version.number}:{tier}:{shot_id}:{less.quality}")

    def _needs_no_cut(self, version: VersionState, record: PlanRecord, tier: Tier) -> bool:
        """An edit for which nothing is left to render goes straight to the film; there is nothing to approve."""
        base = self.desk.state.versions.get(version.base) if version.base else None
        if base is None or tier is record.publish_tier or not (base.finals_open or self._approves_itself()):
            return False
        return all(self.takes.accepted(version, record.publish_tier, i) for i in range(len(record.plan.shots)))

    def _cut_done(self, version: VersionState, record: PlanRecord, tier: Tier, takes: list[Accepted]) -> bool:
        """Ask for the cut and read what came of it. True: the next tier may begin."""
        fact = cut_of(version, record, tier, takes, self.desk.state.tenant_id)
        cut = version.cut(tier, fact.cut_key)
        if lost := trouble(cut, self.desk.rules, tier):
            self.desk.fail(version, lost)
            return False
        self.desk.say(version, fact, f"v{version.number}:{tier}:{fact.cut_key}:{len(cut.failures) + 1}")
        if fact.publish or cut.verdict is None:
            return False
        version.finals_open = version.approved or self._approves_itself()
        return version.finals_open

    def _approves_itself(self) -> bool:
        """Only the rule that this room knows opens finals by itself; any other waits for a person."""
        return self.desk.state.brief is not None and self.desk.state.brief.approval is Approval.AUTOMATIC
