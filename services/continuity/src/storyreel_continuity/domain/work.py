"""Work that the decider asks for, and what of its outcome the report says. Performed by `handlers`; values only."""

from pydantic import BaseModel, Field
from storyreel_contracts import ArtifactRef, Tier
from storyreel_contracts.decisions import Task
from storyreel_contracts.takes import TierGap

from storyreel_continuity.domain.readings import Measured, Reading
from storyreel_continuity.domain.shooting import Take


class Beside(BaseModel):
    """Another take to show beside the measured one."""

    label: str
    artifact: ArtifactRef
    reading: Reading


class Approved(BaseModel):
    """The preview that a final is to be like."""

    key: str
    artifact: ArtifactRef


class MeasureTake(BaseModel):
    """Work: measure a take and make its evidence picture."""

    label: str
    artifact: ArtifactRef
    beside: Beside | None = None
    preview: Approved | None = Field(default=None, description="for a final whose preview is known")


def measure(
    named: tuple[str, Tier], artifact: ArtifactRef, model: tuple[int, Take] | None, preview: Take | None = None
) -> Task:
    """The work of measuring a take beside its model, and of a final its gap from the preview."""
    beside = _beside(model[1]) if model else None
    before = Approved(key=preview.key, artifact=preview.artifact) if preview else None
    work = MeasureTake(label=f"{named[0]} {named[1]}", artifact=artifact, beside=beside, preview=before)
    others = [other.artifact.sha256 if other else "" for other in (beside, before)]
    return Task(key=":".join([named[0], artifact.sha256, *others]), work=work)


def _beside(take: Take) -> Beside | None:
    if take.reading is None:
        return None
    reading = take.reading.model_copy(update={"swatches": []})
    return Beside(label=f"{take.shot_id} {take.tier}", artifact=take.artifact, reading=reading)


def tier_gap(work: object, outcome: Measured) -> TierGap | None:
    """What the report says of the gap; nothing where there is no preview, or where it could not be measured."""
    if outcome.gap is None or not isinstance(work, MeasureTake) or work.preview is None:
        return None
    return TierGap(preview=work.preview.key, ssim=round(outcome.gap.ssim, 4), delta_e=round(outcome.gap.delta_e, 3))
