"""One forward pass of a batch of jobs: inputs joined, guidance, windows blended, each job's own solver moved.

Called by `base.VideoAdapter.advance`. Nothing is written into a job until the whole batch is through.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from storyreel_engine.pipelines import windows as cut
from storyreel_engine.pipelines.estimates import clean_estimate
from storyreel_engine.pipelines.family import Family, Share
from storyreel_engine.pipelines.state import JobState, Solver


@dataclass(frozen=True, eq=False)
class Move:
    """What a pass made of a job; without `latents` and `solver` its step has more windows to come."""

    turn: int
    blend: torch.Tensor | None = None
    latents: torch.Tensor | None = None
    solver: Solver | None = None
    finished: torch.Tensor | None = None


def run(family: Family, states: Sequence[JobState], *, joint: bool) -> list[tuple[JobState, Move]]:
    """A pass for each job; those of unlike networks, guidance or LoRAs one group after the other.

    `joint`: both passes of the guidance in one forward, unconditional rows first.
    """
    groups: dict[tuple[str, bool, str], list[Share]] = {}
    for state in states:
        group = family.network(state), family.is_guided(state.request), family.lora(state.request)
        groups.setdefault(group, []).append(_share(family, state))
    return [
        (share.state, _move(family, share.state, prediction))
        for shares in groups.values()
        for share, prediction in zip(shares, _predict(family, shares, joint), strict=True)
    ]


def apply(state: JobState, move: Move) -> None:
    """Write a move into its job."""
    state.turn, state.blend = move.turn, move.blend
    if move.latents is None or move.solver is None:
        return
    state.latents, state.solver = move.latents, move.solver
    state.cursor += 1
    if move.finished is not None:
        state.finished.append(move.finished)


def _share(family: Family, state: JobState) -> Share:
    window, latents = state.windows[state.turn], state.latents
    if len(state.windows) > 1:
        latents = latents.narrow(family.FRAME_AXIS, window.start, window.stop - window.start)
    return Share(state, latents, state.timesteps[state.cursor])


def _predict(family: Family, shares: Sequence[Share], joint: bool) -> list[torch.Tensor]:
    family.loras.use(shares[0].state.request)
    network = getattr(family.pipe, family.network(shares[0].state))
    positive = [share.state.conditions.positive for share in shares]
    negative = [c for share in shares if (c := share.state.conditions.negative) is not None]
    if not negative:
        return _rows(family, network, shares, positive)
    if joint:
        rows = _rows(family, network, [*shares, *shares], [*negative, *positive])
        plain, conditional = rows[: len(shares)], rows[len(shares) :]
    else:
        conditional = _rows(family, network, shares, positive)
        plain = _rows(family, network, shares, negative)
    return [family.guide(s, c, p) for s, c, p in zip(shares, conditional, plain, strict=True)]


def _rows(
    family: Family, network: Any, shares: Sequence[Share], conditions: Sequence[Mapping[str, torch.Tensor]]
) -> list[torch.Tensor]:
    joined = {name: torch.cat([c[name] for c in conditions]) for name in conditions[0]}
    return list(family.forward(network, {**family.inputs(shares), **joined}).split(1))


def _move(family: Family, state: JobState, prediction: torch.Tensor) -> Move:
    if len(state.windows) > 1:
        prediction = _blend(family, state, prediction)
        if state.turn + 1 < len(state.windows):
            return Move(state.turn + 1, blend=prediction)
    solver = state.solver.fork()
    latents = family.solve(state, solver, prediction)
    clean = None
    if state.cursor + 1 == state.goal:
        seen = clean_estimate(solver.scheduler, state.cursor, prediction, state.latents) if state.is_draft else latents
        clean = family.finish(seen, state)
    return Move(0, latents=latents, solver=solver, finished=clean)


def _blend(family: Family, state: JobState, prediction: torch.Tensor) -> torch.Tensor:
    window = state.windows[state.turn]
    shape = [1] * prediction.dim()
    shape[family.FRAME_AXIS] = -1
    weighted = prediction * cut.weights(state.windows, state.turn).to(prediction.device).view(shape)
    total = torch.zeros_like(state.latents, dtype=torch.float32) if state.blend is None else state.blend.clone()
    total.narrow(family.FRAME_AXIS, window.start, window.stop - window.start).add_(weighted)
    return total
