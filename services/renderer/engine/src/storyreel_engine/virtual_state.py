"""A job on the virtual device, and its checkpoint. Made and moved by `virtual.VirtualPipeline`."""

import hashlib
import json
import math
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from storyreel_engine.card import ModelCard
from storyreel_engine.failures import InvalidInputError
from storyreel_engine.ports import Unit
from storyreel_engine.wire import RenderRequest

_MAGIC = b"storyreel-virtual-1\n"


@dataclass(eq=False)
class VirtualState:
    """How far a job is, in passes `done`, and the last link of its chain. `starts` are the first frames of its windows, of
    `window` frames each; a step takes a pass for each of them.
    """

    request: RenderRequest
    window: int
    starts: tuple[int, ...]
    chunks_left: int
    chain: bytes = b""
    done: int = 0

    @property
    def step(self) -> int:
        """Whole steps done."""
        return self.done // self.window_count

    @property
    def steps(self) -> int:
        """Steps in all."""
        return self.request.steps

    @property
    def next_step(self) -> int:
        """The step that its next pass belongs to."""
        return self.step + 1

    @property
    def passes_left(self) -> int:
        """One pass a step and window."""
        return max(0, self.request.goal * self.window_count - self.done)

    @property
    def window_count(self) -> int:
        """Windows that the shot is made in."""
        return len(self.starts)

    @property
    def seams(self) -> tuple[int, ...]:
        """The middle of what two windows share."""
        return tuple((after + before + self.window) // 2 for before, after in pairwise(self.starts))

    @property
    def unit(self) -> Unit:
        """Passes, then chunks of frames, then nothing."""
        if self.passes_left:
            return Unit.PASS
        return Unit.DECODE if self.chunks_left else Unit.NONE

    def advance(self) -> None:
        """One pass, one link."""
        self.done += 1
        self.chain = hashlib.sha256(self.chain + struct.pack("<I", self.done)).digest()

    def pack(self, latents: bytes) -> Callable[[], bytes]:
        """Its checkpoint: the link and, so that the size is true, the latents' bytes."""
        head = json.dumps({"fingerprint": self.request.fingerprint(), "done": self.done, "chain": self.chain.hex()}).encode()
        return lambda: b"".join([_MAGIC, struct.pack("<II", len(head), zlib.crc32(head)), head, latents])

    def unpack(self, data: bytes, latent_bytes: int) -> None:
        """Go on from a checkpoint with so many bytes of latents.

        Raises:
            InvalidInputError: it is damaged, or of another request.
        """
        head = json.loads(_head(data, latent_bytes))
        if head["fingerprint"] != self.request.fingerprint():
            raise InvalidInputError("checkpoint: of another request")
        self.chain, self.done = bytes.fromhex(head["chain"]), int(head["done"])


def begun(request: RenderRequest, card: ModelCard, chunks: int) -> VirtualState:
    """A job before its first pass; its chain begins with the request's fingerprint."""
    window = card.window(request)
    starts = _starts(request.frames, window, card.window_overlap)
    return VirtualState(request, window, starts, chunks, hashlib.sha256(request.fingerprint().encode()).digest())


def _starts(frames: int, window: int, overlap: int) -> tuple[int, ...]:
    """First frames of windows of one size that share at least `overlap`."""
    if window >= frames:
        return (0,)
    count = math.ceil((frames - overlap) / (window - overlap))
    return tuple(round(n * (frames - window) / (count - 1)) for n in range(count))


def _head(data: bytes, latent_bytes: int) -> bytes:
    try:
        length, checksum = struct.unpack_from("<II", data, len(_MAGIC))
    except struct.error as error:
        raise InvalidInputError(f"checkpoint: damaged ({error})") from error
    text = data[len(_MAGIC) + 8 : len(_MAGIC) + 8 + length]
    whole = len(data) == len(_MAGIC) + 8 + length + latent_bytes
    if not data.startswith(_MAGIC) or not whole or zlib.crc32(text) != checksum:
        raise InvalidInputError("checkpoint: damaged")
    return text
