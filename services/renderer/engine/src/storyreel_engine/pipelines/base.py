"""`ports.Pipeline` for every family: units, batches, drafts, windows and checkpoints, on top of the hooks of `family`."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from storyreel_engine import checkpoint as ckpt
from storyreel_engine.card import ModelCard
from storyreel_engine.failures import InvalidInputError, ModelFaultError
from storyreel_engine.on_device import on_device
from storyreel_engine.pipelines import passes
from storyreel_engine.pipelines import saved as kept
from storyreel_engine.pipelines import windows as cut
from storyreel_engine.pipelines.family import Family, LongShots
from storyreel_engine.pipelines.footprints import CudaMemory, Footprints, Size, UncountedMemory
from storyreel_engine.pipelines.loras import Loras
from storyreel_engine.pipelines.pixels import to_frames
from storyreel_engine.pipelines.state import Clip, JobState, Solver, Window
from storyreel_engine.ports import Footprint, Frames, Inputs
from storyreel_engine.wire import RenderRequest


class VideoAdapter(Family):
    """Implements `ports.Pipeline` for a loaded diffusers pipeline.

    `joint`: make the conditional and the unconditional pass in one forward even where the pipeline's own call makes two;
    faster on a GPU, but no longer equal to that call bit for bit.
    """

    def __init__(
        self, pipeline: Any, card: ModelCard, device: torch.device, *, joint: bool = False, loras: Loras | None = None
    ) -> None:
        self.pipe = pipeline
        self.loras = loras or Loras(pipeline, {})
        self.device = device
        self._card = card
        self.joint = joint or self.JOINT
        self.footprints = Footprints(CudaMemory(device) if device.type == "cuda" else UncountedMemory())

    @property
    def card(self) -> ModelCard:
        """The folder's card."""
        return self._card

    def check(self, request: RenderRequest) -> None:
        """The card's rules, then the family's: long shots and drafts."""
        self._card.check(request)
        long = self._card.window(request) < request.frames
        if long and self.LONG_SHOTS is LongShots.REFUSED:
            raise InvalidInputError(f"frames: {request.frames} are more than one window, and this model makes no longer shots")
        if request.stop_after and not self.DRAFTS:
            raise InvalidInputError("stop_after: this model's solver gives no estimate to make a draft from")
        if request.stop_after and long and self.LONG_SHOTS is LongShots.CHAINED:
            raise InvalidInputError("stop_after: a link starts from the finished one before it, so a chained shot has no draft")

    def key(self, request: RenderRequest, state: JobState | None = None) -> str:
        """Size, pictures of a window, guidance, network of the next pass, LoRA."""
        pictures = state.links[state.link] if state else self._links(request)[0]
        window = min(pictures, self._card.window(request))
        # Before its first pass, and while a link that is through waits for its pictures, the next pass is a first one.
        underway = state is not None and state.cursor < state.goal
        network = self.network(state) if state and underway else self.first_network(request)
        shape = f"{request.width}x{request.height}x{window}{'+' if self.is_guided(request) else '-'}"
        return f"{shape}{network}{self.alike(request)}{self.lora(request)}"

    def footprint(self, request: RenderRequest) -> Footprint:
        """As the largest jobs before it; zeros before the first, and no working memory where the device does not count it."""
        return self.footprints.expect(self._job_size(request))

    def prepare(self, request: RenderRequest, inputs: Inputs) -> JobState:
        """Text to embeddings, seed to noise; the random stream is drawn on the CPU, so every device sees the same."""
        with on_device(self.device), self.footprints.in_unit(self._job_size(request)):
            generator = torch.Generator("cpu")
            if inputs.checkpoint is None:
                clip = Clip(request, self._links(request)[0], inputs.first_frame)
                state = self._open(clip, generator.manual_seed(request.seed))
            else:
                saved = kept.read(inputs.checkpoint, self._identity(request), len(self._links(request)))
                state = self._resume(request, inputs.first_frame, saved, generator)
        self.footprints.held(state, self._job_size(request))
        return state

    def advance(self, states: Sequence[JobState]) -> None:
        """One forward pass for each state; jobs of unlike networks, guidance or LoRAs are run one group after the other.

        What a pass makes is written into the jobs only after all of it was made, so a failure leaves every job where it was.
        """
        size = self._job_size(states[0].request)
        with on_device(self.device), self.footprints.in_unit(size, len(states)):
            moves = passes.run(self, states, joint=self.joint)
        for state, move in moves:
            passes.apply(state, move)
            if move.finished is not None:  # it holds most now: the solver's whole history, and what is to be decoded
                self.footprints.held(state, self._job_size(state.request))

    def decode(self, state: JobState) -> Frames:
        """The next pictures; after a link's last one the next link is opened from it."""
        with on_device(self.device):
            chunks = state.chunks = state.chunks or self._pictures(state)
            try:
                frames = self._next_chunk(state, chunks)
                self._show(state, frames)
            except BaseException:
                state.chunks, state.decoder_bytes = (
                    None,
                    0,
                )  # a generator that has failed is over; a new one goes on after what was shown
                raise
        return frames

    def save(self, state: JobState) -> Callable[[], bytes]:
        """Latents, random streams, the solver's history and finished links, copied now."""
        with on_device(self.device):
            return kept.saver(state, self._identity(state.request))

    def _job_size(self, request: RenderRequest) -> Size:
        return Size(request.width * request.height, self._card.window(request), request.frames)

    def _identity(self, request: RenderRequest) -> dict[str, str]:
        named = {"model_version": self._card.version, "request": request.fingerprint()}
        return named | self.trajectory(request)

    def _links(self, request: RenderRequest) -> tuple[int, ...]:
        if self.LONG_SHOTS is not LongShots.CHAINED:
            return (request.frames,)
        return cut.chained(request.frames, self._card.window(request), int(self._card.frame_rule.split("k", maxsplit=1)[0]))

    def _windows(self, clip: Clip) -> tuple[Window, ...]:
        size, overlap = self.latent_frames(self._card.window(clip.request)), self._card.window_overlap
        shared = self.latent_frames(overlap) if overlap else 0
        return cut.overlapping(self.latent_frames(clip.frames), size, min(shared, size - 1))

    def _open(self, clip: Clip, generator: torch.Generator) -> JobState:
        self.loras.use(clip.request)
        begin = generator.get_state()
        latents, extras = self.start(clip, generator)
        conditions = self.encode(clip)
        solver = Solver(self.scheduler(clip), generator)
        return JobState(self._links(clip.request), self._windows(clip), clip, conditions, solver, latents, extras, begin)

    def _resume(
        self, request: RenderRequest, first: Frames | None, saved: ckpt.Checkpoint, generator: torch.Generator
    ) -> JobState:
        clip = Clip(request, self._links(request)[saved.meta["link"]], kept.picture(saved, first))
        generator.set_state(saved.tensors["begin"])
        state = self._open(clip, generator)
        kept.put_back(state, saved, self.device)
        return state

    def _next_chunk(self, state: JobState, chunks: Iterator[Frames]) -> Frames:
        with self.footprints.in_decode(self._job_size(state.request), state.decoder_bytes) as learn:
            frames = next(chunks)
            state.decoder_bytes = learn(len(frames) == state.pictures_of(state.shown))
        return frames

    def _pictures(self, state: JobState) -> Iterator[Frames]:
        # A chained link begins with the picture that was shown last; after a failure, pictures already shown are left out.
        skip = (1 if state.shown else 0) + state.shown_frames
        for video in self.chunks(state.finished[state.shown], state):
            fresh = video[:, :, skip:]
            skip = max(0, skip - video.shape[2])
            if fresh.shape[2]:
                yield to_frames(fresh)
        raise ModelFaultError(f"the decoder gave less than {state.pictures_of(state.shown)} pictures")

    def _show(self, state: JobState, frames: Frames) -> None:
        shown = state.shown_frames + len(frames)
        if shown < state.pictures_of(state.shown):
            state.shown_frames = shown
            return
        following = state.shown + 1
        if following < len(state.links) and following > state.link:
            clip = Clip(state.request, state.links[following], frames[-1].copy())
            _continue(state, self._open(clip, state.solver.generator.clone_state()))
        state.shown, state.shown_frames, state.chunks, state.decoder_bytes = following, 0, None, 0


def _continue(state: JobState, opened: JobState) -> None:
    for name in ("windows", "clip", "conditions", "solver", "latents", "extras", "begin", "cursor", "turn"):
        setattr(state, name, getattr(opened, name))
    state.link += 1
