"""Several processes as one training: gradients are averaged, everything else each process does for itself."""

import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import torch.distributed as dist
from torch import multiprocessing, nn

from storyreel_training.recipe import Recipe


@dataclass(frozen=True)
class Crew:
    """This process among `size`; `rank` 0 is the one that writes."""

    rank: int
    size: int

    def average(self, parameters: list[nn.Parameter]) -> None:
        """Replace every gradient by its mean over the processes, in one exchange."""
        if self.size == 1:
            return
        flat = torch.cat([p.grad.flatten() for p in parameters if p.grad is not None])
        dist.all_reduce(flat)
        flat /= self.size
        at = 0
        for p in parameters:
            if p.grad is not None:
                p.grad.copy_(flat[at : at + p.numel()].view_as(p))
                at += p.numel()

    def agree(self, mine: bool) -> bool:
        """True in every process if it is true in any."""
        if self.size == 1:
            return mine
        flag = torch.tensor(float(mine))
        dist.all_reduce(flag, dist.ReduceOp.MAX)
        return bool(flag)


def run_together(work: Callable[[Recipe, Crew], None], recipe: Recipe) -> None:
    """Run `work` in `recipe.processes` processes of one thread each, or here if there is one."""
    if recipe.processes == 1 or recipe.device != "cpu":
        work(replace(recipe, processes=1), Crew(0, 1))
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    members = multiprocessing.spawn(_member, (work, recipe, port), nprocs=recipe.processes, join=False)

    def pass_on(*_: object) -> None:
        for process in members.processes:
            process.terminate()  # they finish their step and save

    signal.signal(signal.SIGTERM, pass_on)
    while not members.join():
        pass


def _member(rank: int, work: Callable[[Recipe, Crew], None], recipe: Recipe, port: int) -> None:
    torch.set_num_threads(1)
    torch.backends.cuda.enable_flash_sdp(False)  # on a CPU too: its flash attention is slow to go back through at 84 tokens
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=recipe.processes)
    try:
        work(recipe, Crew(rank, recipe.processes))
    finally:
        dist.destroy_process_group()
