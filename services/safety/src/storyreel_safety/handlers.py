"""The performer of this room: does the screenings that the decider asks for. Asks ports, never adapters.

A screening is remembered under its inputs and the policy's version, so the same subject is never judged twice by one policy.
A check that fails is tried again (retry topics); when the tries are used up the outcome is a block, never a pass.
"""

import tempfile
import time
from pathlib import Path

from storyreel_chassis.artifacts import ArtifactStore
from storyreel_chassis.errors import Transient, WorkError
from storyreel_chassis.work import Context
from storyreel_contracts import ArtifactRef, FailureKind, Finding, PolicyRef, Remedy, build_key
from storyreel_contracts.decisions import Task

from storyreel_safety import metrics
from storyreel_safety.domain.policy import Policy, PolicyMissing, Rule
from storyreel_safety.domain.ports import Checks, CheckUnavailable, PolicyBook, Sighted, Undecodable
from storyreel_safety.domain.screening import NO_POLICY, UNAVAILABLE, Clip, ScreenFootage, Screening, ScreenWords, refusal
from storyreel_safety.domain.words import Mark

_EDITION = 1  # of the checks themselves; raise it when the same policy must be judged anew by better code


class Screener:
    """Screens words and footage; stores evidence; remembers outcomes."""

    def __init__(self, policies: PolicyBook, checks: Checks, store: ArtifactStore, attempts: int) -> None:
        self._policies, self._checks, self._store, self._attempts = policies, checks, store, attempts

    async def perform(self, task: Task, context: Context) -> Screening:
        """Screen. Raises Transient while there are tries left; afterwards a failed check is a block."""
        if not isinstance(task.work, ScreenWords | ScreenFootage):
            raise TypeError(f"{task.key} is no work of this room")
        started = time.monotonic()
        try:
            outcome = await self._screen(task.work, context.event.envelope.tenant_id)
        except (CheckUnavailable, WorkError) as error:
            metrics.FAILED_CHECKS.labels(type(task.work).__name__).inc()
            outcome = self._after_failure(task.work, error, context.attempt)
        metrics.SCREENING_SECONDS.labels(type(task.work).__name__).observe(time.monotonic() - started)
        metrics.count_findings(mark.finding for mark in outcome.marks)
        return outcome

    def _after_failure(self, work: ScreenWords | ScreenFootage, error: Exception, attempt: int) -> Screening:
        if attempt < self._attempts:
            raise Transient(getattr(error, "kind", FailureKind.TIMEOUT), f"check unavailable: {error}") from error
        reason = f"The check could not be done in {attempt} attempts ({error}); what is not checked does not pass"
        return refusal(PolicyRef(id=work.policy, version=""), UNAVAILABLE, reason)

    async def _screen(self, work: ScreenWords | ScreenFootage, tenant: str) -> Screening:
        try:
            policy = self._policies.policy(work.policy, work.category)
        except PolicyMissing as error:
            return refusal(PolicyRef(id=work.policy, version=""), NO_POLICY, f"{error}; without a policy nothing passes")
        key = f"keys/safety/{tenant}/{build_key('screening', [_EDITION, policy.ref.version, work.model_dump(mode='json')])}"
        stored = await self._store.recall(key)
        if stored is None:
            stored = await self._store.remember(key, (await self._judge(work, policy)).model_dump_json().encode())
        return Screening.model_validate_json(stored)

    async def _judge(self, work: ScreenWords | ScreenFootage, policy: Policy) -> Screening:
        if isinstance(work, ScreenWords):
            marks = await self._checks.words(policy, work.passages)
            return _screening(policy, marks, dict(policy.words))
        marks = [mark for clip in work.clips for mark in await self._look(clip, work, policy)]
        return _screening(policy, marks, _footage_rules(policy, work))

    async def _look(self, clip: Clip, work: ScreenFootage, policy: Policy) -> list[Mark]:
        with tempfile.TemporaryDirectory(prefix="safety-") as folder:
            path = Path(folder) / "clip"
            await self._store.fetch(clip.artifact, path)
            try:
                sighted = await self._checks.footage(policy, work.stage, path, clip.artifact.media_type)
            except Undecodable as error:
                finding = _finding("undecodable", policy.undecodable, clip.where, f"({error})")
                return [Mark(finding=finding, about=f"undecodable|{clip.artifact.sha256}")]
        return [await self._mark(s, clip, _footage_rules(policy, work)[s.rule]) for s in sighted]

    async def _mark(self, seen: Sighted, clip: Clip, rule: Rule) -> Mark:
        evidence: ArtifactRef = await self._store.put(seen.picture, "image/jpeg")
        where = f"{clip.where}@{seen.seconds:.2f}s"
        finding = _finding(seen.rule, rule, where, f"({seen.score:.2f} {seen.detail}, at most {seen.threshold:g})")
        measured = {"score": seen.score, "threshold": seen.threshold, "evidence": evidence}
        return Mark(finding=finding.model_copy(update=measured), about=f"{seen.rule}|{clip.artifact.sha256}")


def _footage_rules(policy: Policy, work: ScreenFootage) -> dict[str, Rule]:
    rules = policy.footage[work.stage]
    return {name: getattr(rules, name) for name in type(rules).model_fields} | {"undecodable": policy.undecodable}


def _finding(name: str, rule: Rule, where: str, measured: str) -> Finding:
    explanation = f"{rule.explanation} {measured}"
    return Finding(rule=name, category=rule.category, severity=rule.severity, where=where, explanation=explanation)


def _screening(policy: Policy, marks: list[Mark], rules: "dict[str, Rule]") -> Screening:
    ways: dict[tuple[str, str], Remedy] = {}
    for finding in (m.finding for m in marks):
        way = rules[finding.rule].remedy
        ways.setdefault((way.explanation, finding.where), way.at(finding.where))
    return Screening(policy=policy.ref, marks=marks, remedies=list(ways.values()), review_due_s=policy.review_due_s)
