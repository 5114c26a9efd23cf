"""A job's checkpoint: what is copied now, what is packed later, and how a job is put back where it was.

Latents, the finished links, the random streams, the solver's history. Embeddings and the first picture's latents are left
out: text, picture and random stream give them again.
"""

from collections.abc import Callable, Mapping

import numpy as np
import torch

from storyreel_engine import checkpoint as ckpt
from storyreel_engine.failures import InvalidInputError
from storyreel_engine.pipelines.state import JobState
from storyreel_engine.ports import Frames

_PLACE = ("link", "cursor", "turn")


def saver(state: JobState, identity: Mapping[str, str]) -> Callable[[], bytes]:
    """Copy the state now; the returned function packs the copy, on any thread. `identity` is what `read` will ask for."""
    plain, history = ckpt.scheduler_memory(state.solver.scheduler)
    tensors = {f"scheduler.{name}": tensor for name, tensor in history.items()}
    tensors |= {f"memory.{name}": tensor for name, tensor in state.solver.memory.items()}
    tensors |= {f"finished.{i}": tensor for i, tensor in enumerate(state.finished)}
    tensors |= {"latents": state.latents, "rng": state.solver.generator.get_state(), "begin": state.begin}
    if state.blend is not None:
        tensors["blend"] = state.blend
    if state.link and state.clip.picture is not None:
        tensors["picture"] = torch.from_numpy(np.ascontiguousarray(state.clip.picture))
    copied = {name: tensor.detach().clone() for name, tensor in tensors.items()}
    place = dict(zip(_PLACE, (state.link, state.cursor, state.turn), strict=True))
    meta = {**identity, **place, "scheduler": plain}
    return lambda: ckpt.pack(meta, copied)


def read(data: bytes, identity: Mapping[str, str], links: int) -> ckpt.Checkpoint:
    """Unpack a checkpoint for the request and model that `identity` names, and for a shot of so many links.

    Raises:
        InvalidInputError: damaged, or of another model or another request.
    """
    saved = ckpt.unpack(data)
    for key, expected in identity.items():
        if saved.meta.get(key) != expected:
            raise InvalidInputError(f"checkpoint: {key} is {saved.meta.get(key)!r}, this job needs {expected!r}")
    place = [saved.meta.get(name) for name in _PLACE]
    known = [value for value in place if isinstance(value, int) and value >= 0]
    if len(known) < len(place) or known[0] >= links:
        raise InvalidInputError(f"checkpoint: damaged (at {place} of {links} links)")
    return saved


def picture(saved: ckpt.Checkpoint, first: Frames | None) -> Frames | None:
    """The picture that the saved link starts from: the request's own `first`, or the last of the link before."""
    kept = saved.tensors.get("picture")
    return first if kept is None else kept.numpy()


def put_back(state: JobState, saved: ckpt.Checkpoint, device: torch.device) -> None:
    """Bring a state that was just opened at the saved link to where the checkpoint was taken.

    Raises:
        InvalidInputError: it was taken at or after the step of the draft that is asked for, without that draft; or its
            latents have another shape.
    """
    if saved.tensors["latents"].shape != state.latents.shape:
        raise InvalidInputError(f"checkpoint: damaged (latents of shape {tuple(saved.tensors['latents'].shape)})")
    state.link, state.cursor, state.turn = (saved.meta[name] for name in _PLACE)
    ckpt.restore_scheduler(state.solver.scheduler, saved.meta["scheduler"], _named(saved, "scheduler."), device)
    state.solver.generator.set_state(saved.tensors["rng"])
    state.solver.memory = {name: tensor.to(device) for name, tensor in _named(saved, "memory.").items()}
    state.latents = saved.tensors["latents"].to(device)
    state.blend = saved.tensors["blend"].to(device) if "blend" in saved.tensors else None
    finished = _named(saved, "finished.")
    # What a draft showed of an unfinished link is no picture of the final.
    links = state.link + (1 if state.cursor == state.goal else 0)
    if state.cursor > state.goal or links > len(finished):
        raise InvalidInputError(f"checkpoint: of step {state.step}, too late for the draft after step {state.goal}")
    state.finished = [finished[str(i)].to(device) for i in range(links)]


def _named(saved: ckpt.Checkpoint, prefix: str) -> ckpt.Tensors:
    return ckpt.Tensors({n.removeprefix(prefix): tensor for n, tensor in saved.tensors.items() if n.startswith(prefix)})
