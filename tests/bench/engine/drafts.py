"""P6 and P7: what checkpoints at every step cost, and what a final costs that begins where its preview stopped."""

from collections.abc import Sequence
from dataclasses import replace

from storyreel_engine.virtual_folder import VirtualSpec

from engine.pairs import Plan, interleaved
from engine.rows import Row
from engine.runs import Rig, Run
from engine.serving import Device
from engine.workloads import Job

MIB = 1 << 20
HEAVY = Device("heavy", VirtualSpec(0.5, {1: 1.0}, 0.005, 0.012, decode_chunks=2, latent_bytes=8 * MIB), 1)
DRAFTS = Device("drafts", VirtualSpec(0.02, {1: 1.0, 4: 1.0}, 0.002, 0.005, decode_chunks=2), 4)
_HEAVY_STEPS, _DRAFT_STEPS, _STEPS = 8, 10, 50


async def bench_checkpoints(rig: Rig, plan: Plan) -> list[Row]:
    """One final with a checkpoint of 8 MiB after every step, beside the same without."""
    job = Job("final", "final", _HEAVY_STEPS)
    costs = []
    for number, order in interleaved("checkpoints", ("with", "without"), plan):
        spans = {
            side: _span(await rig.run(HEAVY, "ours", [replace(job, checkpoint_every=int(side == "with"))])) for side in order
        }
        if number:
            costs.append(100 * (spans["with"] / spans["without"] - 1))
    note = f"{_HEAVY_STEPS} steps of 0.5 s, 8 MiB each; first pass to last decode, as the device saw it"
    return [Row(goal="P6", what="time added by a checkpoint every step", ours=costs, limit=1, unit=" %", note=note)]


async def bench_drafts(rig: Rig, plan: Plan) -> list[Row]:
    """A preview that is the first ten steps of its final, then the final from there, beside the final alone."""
    whole = Job("final", "final", _STEPS)
    ratios, equal = [], []
    for number, order in interleaved("drafts", ("draft", "alone"), plan):
        work: dict[str, float] = {}
        pictures: dict[str, str] = {}
        for side in order:
            work[side], pictures[side] = await (_drafted(rig, whole) if side == "draft" else _alone(rig, whole))
        if number:
            ratios.append(work["draft"] / work["alone"])
            equal.append(float(pictures["draft"] != pictures["alone"]))
    share = 100 * 0.01 / (0.01 + 0.002 + _STEPS * 0.02)
    return [
        Row(
            goal="P7",
            what="device seconds: preview, then its final / final alone",
            ours=ratios,
            limit=1.02,
            note=f"decode is {share:.1f} % of a final here; it is what the preview pays on top",
        ),
        Row(goal="P7", what="finals that differ from an uninterrupted one", ours=equal, limit=0, worst=True),
    ]


def _span(run: Run) -> float:
    return run.units[-1].end - run.units[0].start


def _seconds(runs: Sequence[Run]) -> float:
    return sum(unit.seconds for run in runs for unit in run.units)


async def _alone(rig: Rig, whole: Job) -> tuple[float, str]:
    run = await rig.run(DRAFTS, "ours", [whole])
    return _seconds([run]), run.outcomes[0].pictures


async def _drafted(rig: Rig, whole: Job) -> tuple[float, str]:
    draft = await rig.run(DRAFTS, "ours", [replace(whole, job_id="draft", tier="preview", stop_after=_DRAFT_STEPS)])
    checkpoint = draft.outcomes[0].checkpoint
    if checkpoint is None:
        raise RuntimeError("the draft gave no checkpoint")
    final = await rig.run(DRAFTS, "ours", [whole], checkpoint=checkpoint)
    return _seconds([draft, final]), final.outcomes[0].pictures
