"""The performer of this room: does the measuring that the decider asks for. Asks ports, never adapters.

A reading is remembered under its inputs, so the same take is measured once. What cannot be measured in the end is an outcome
too: the decider reports it as a drift that names it, so that it is neither silent nor stuck.
"""

import logging
import tempfile
import time
from pathlib import Path

from storyreel_chassis.artifacts import ArtifactStore
from storyreel_chassis.errors import Transient, WorkError
from storyreel_chassis.work import Context
from storyreel_contracts import ArtifactRef, FailureKind, build_key
from storyreel_contracts.decisions import Task

from storyreel_continuity import metrics
from storyreel_continuity.domain.ports import Footage, Measuring, MeasuringFailed, Other
from storyreel_continuity.domain.readings import Gap, Measured
from storyreel_continuity.domain.work import MeasureTake

log = logging.getLogger(__name__)
_EDITION = 1  # of the measuring itself; raise it when the same take must be measured anew by better code


class Measurer:
    """Measures takes; stores evidence; remembers readings."""

    def __init__(self, measuring: Measuring, store: ArtifactStore, attempts: int) -> None:
        self._measuring, self._store, self._attempts = measuring, store, attempts

    async def perform(self, task: Task, context: Context) -> Measured:
        """Measure. Raises Transient while there are tries left and trying may help."""
        if not isinstance(task.work, MeasureTake):
            raise TypeError(f"{task.key} is no work of this room")
        started = time.monotonic()
        try:
            outcome = await self._remembered(task.work, context.event.envelope.tenant_id)
        except (MeasuringFailed, WorkError) as error:
            outcome = self._after_failure(error, context.attempt)
        metrics.MEASURING_SECONDS.observe(time.monotonic() - started)
        metrics.TAKES.labels("measured" if outcome.reading else "unmeasured").inc()
        return outcome

    def _after_failure(self, error: Exception, attempt: int) -> Measured:
        if attempt < self._attempts and not getattr(error, "lasting", False):
            raise Transient(getattr(error, "kind", FailureKind.TIMEOUT), f"not measured: {error}") from error
        return Measured(reason=str(error))

    async def _remembered(self, work: MeasureTake, tenant: str) -> Measured:
        key = f"keys/continuity/{tenant}/{build_key('reading', [_EDITION, work.model_dump(mode='json')])}"
        stored = await self._store.recall(key)
        if stored is None:
            stored = await self._store.remember(key, (await self._measure(work)).model_dump_json().encode())
        return Measured.model_validate_json(stored)

    async def _measure(self, work: MeasureTake) -> Measured:
        with tempfile.TemporaryDirectory(prefix="continuity-") as folder:
            take = await self._fetched(work.label, work.artifact, Path(folder) / "take")
            other = None
            if (beside := work.beside) is not None:
                other = Other(await self._fetched(beside.label, beside.artifact, Path(folder) / "beside"), beside.reading)
            preview = await self._preview(work, Path(folder) / "preview")
            seen = await self._measuring.measure(take, other, preview)
        gap = _counted(seen.gap) if preview else None
        return Measured(reading=seen.reading, evidence=await self._store.put(seen.picture, "image/jpeg"), gap=gap)

    async def _preview(self, work: MeasureTake, path: Path) -> Footage | None:
        """The preview's file; a preview that is gone from the store costs the report its gap, not the take its verdict."""
        if work.preview is None:
            return None
        try:
            return await self._fetched(work.label, work.preview.artifact, path)
        except WorkError as error:
            if error.kind is not FailureKind.ARTIFACT_MISSING:
                raise
            _counted(f"the preview is not in the store: {error}")
            return None

    async def _fetched(self, label: str, artifact: ArtifactRef, path: Path) -> Footage:
        await self._store.fetch(artifact, path)
        return Footage(label, path, artifact.media_type)


def _counted(gap: Gap | str) -> Gap | None:
    """The gap; none, with a word in the log, where it could not be measured."""
    metrics.GAPS.labels("measured" if isinstance(gap, Gap) else "unmeasured").inc()
    if isinstance(gap, Gap):
        return gap
    log.warning("no gap between preview and final: %s", gap)
    return None
