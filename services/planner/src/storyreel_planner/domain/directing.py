"""What must happen next to a film, given everything that is known of it. The order of arrival plays no part.

Called by `director` once per event, on a copy of the state. Walks each living version: deadline, brief, plan; once the
plan is cleared, `producing` goes on. Only what was not said before is said.
"""

from dataclasses import dataclass
from datetime import timedelta

from storyreel_contracts import (
    FailureKind,
    Problem,
    Remedy,
    Tier,
)
from storyreel_contracts.decisions import Task

from storyreel_planner.domain.desk import Desk
from storyreel_planner.domain.editing import can_mend
from storyreel_planner.domain.money import ledger
from storyreel_planner.domain.producing import Producing
from storyreel_planner.domain.recording import DEADLINE, WRITE_OFF
from storyreel_planner.domain.state import Verdict, VersionState, version_of
from storyreel_planner.domain.takes import Lost, Takes
from storyreel_planner.domain.work import Objection, PlanRecord, WritePlan


@dataclass
class Directing:
    """One look at a film; what comes of it lies on the desk."""

    desk: Desk

    def run(self) -> None:
        """Direct every version that is alive."""
        self.takes = Takes(self.desk.state, self.desk.rules)
        for number in sorted(self.desk.state.versions):
            version = self.desk.state.versions[number]
            if version.outcome:
                self._release_reservations(version)
            elif version.live and self.desk.state.brief is not None and not self._superseded(version):
                self._direct(version)

    def _superseded(self, version: VersionState) -> bool:
        """An edit of it exists: the gateway has ended it, or it is being published without our help."""
        return any(v.base == version.number and v.cause_id for v in self.desk.state.versions.values())

    def _direct(self, version: VersionState) -> None:
        if version.deadline:
            self.desk.time(version, DEADLINE, version.deadline)
        if version.overdue:
            self.desk.fail(version, Lost(FailureKind.DEADLINE_PASSED, "the deadline passed before the film was finished"))
            return
        if not version.plans:
            self._begin_plan(version)
        elif verdict := version.plan_verdict:
            self._after_plan_verdict(version, verdict)

    def _begin_plan(self, version: VersionState) -> None:
        verdict = self._brief_verdict()
        if version.base is None or verdict is None or not verdict.cleared:
            self._plan_brief(version, verdict)
            return
        base = self.desk.state.version(version.base)
        if base.plan:
            self._plan(version, base.plan, self.takes.have(base))
        elif base.outcome in {"failed", "lost"}:
            self.desk.fail(version, Lost(FailureKind.INVALID_INPUT, f"version {base.number} ended without a plan to edit"))
        elif base.cause_id:
            self._plan(base, None, {})  # cancelled before it was planned, or read again in another order

    def _plan_brief(self, version: VersionState, verdict: Verdict | None) -> None:
        if verdict and verdict.cleared:
            self._plan(version, None, {})
        elif verdict:
            self.desk.fail(version, _blocked("safety blocked the brief", verdict))

    def _brief_verdict(self) -> Verdict | None:
        return next((v.brief_verdict for v in self.desk.state.versions.values() if v.brief_verdict), None)

    def _after_plan_verdict(self, version: VersionState, verdict: Verdict) -> None:
        if self.desk.state.dry_run:
            return  # the gateway answers and ends the version
        if verdict.cleared:
            Producing(self.desk, self.takes).run(version)
            return
        objection = Objection(findings=verdict.findings, remedies=verdict.remedies)
        brief = self.desk.state.brief
        if brief and len(version.plans) < self.desk.rules.plan_attempts and can_mend(brief, version.edits, objection):
            self._plan(version, version.plan, {})
        else:
            self.desk.fail(version, _blocked("safety blocked the plan", verdict))

    def _plan(self, version: VersionState, base: PlanRecord | None, have: dict[Tier, list[str]]) -> None:
        state, brief = self.desk.state, self.desk.state.brief
        if not self.desk.may_work or brief is None:
            self.desk.resume(version)
            return
        judged, verdict = [v for v in version.plan_verdicts if not v.cleared], self._brief_verdict()
        times = [version.at, verdict.at if verdict else None, *(v.at for v in judged)]
        work = WritePlan(
            film_id=self.desk.film_id,
            tenant_id=state.tenant_id,
            version=version.number,
            attempt=len(version.plans) + 1,
            brief=brief,
            dry_run=state.dry_run,
            now=max(t for t in times if t),
            base=base,
            edits=version.edits,
            objections=[Objection(findings=v.findings, remedies=v.remedies) for v in judged],
            have=have,
            spent_micros=ledger(state).spent,
        )
        self.desk.tasks.append(Task(key=f"plan:v{version.number}:{work.attempt}", work=work))

    def _release_reservations(self, version: VersionState) -> None:
        """Work of an ended version is dropped without an answer; its reservations must not bind money for ever."""
        unanswered = (n for n in self.desk.state.issued if n not in self.desk.state.answers)
        if any(version_of(name) == version.number for name in unanswered):
            self.desk.time(version, WRITE_OFF, self.desk.now + timedelta(seconds=self.desk.rules.write_off_s))


def _blocked(reason: str, verdict: Verdict) -> Lost:
    problems = tuple(Problem(field=f.where, reason=f.explanation, remedy=_way(verdict.remedies)) for f in verdict.findings)
    return Lost(FailureKind.POLICY_BLOCKED, reason, problems, tuple(verdict.remedies))


def _way(remedies: list[Remedy]) -> str:
    return remedies[0].explanation if remedies else "change what was found"
