"""LTX-Video pipelines of diffusers (0.9.x), from text or from a picture.

The network reads packed latents, one token for each position. Here a job keeps them unpacked, (1, channels, frames, height,
width), so that windows can be cut along time; they are packed for a pass only.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from diffusers.pipelines.ltx.pipeline_ltx import calculate_shift
from diffusers.utils.torch_utils import randn_tensor

from storyreel_engine.failures import InvalidInputError
from storyreel_engine.pipelines.base import VideoAdapter
from storyreel_engine.pipelines.family import LongShots, Share
from storyreel_engine.pipelines.pictures import first_picture
from storyreel_engine.pipelines.state import Clip, Conditions, JobState, Solver
from storyreel_engine.wire import RenderRequest

DECODE_TIMESTEP, DECODE_NOISE = 0.05, 0.025
"""For decoders that denoise a last time (0.9.1 and later): where they start, and the share of noise mixed in for it."""


class LtxAdapter(VideoAdapter):
    """`LTXPipeline`: text to video; both passes of the guidance in one forward, long shots in overlapping windows."""

    JOINT: ClassVar[bool] = True
    LONG_SHOTS: ClassVar[LongShots] = LongShots.BLENDED

    def check(self, request: RenderRequest) -> None:
        """As any; and a frame rate, because positions in time are in seconds."""
        super().check(request)
        if request.fps <= 0:
            raise InvalidInputError(f"fps: {request.fps:g} is no frame rate")
        for name, value in (("frames", request.frames), ("window", request.window or 1)):
            if value % self._time_ratio != 1:
                raise InvalidInputError(f"{name}: {value} is not {self._time_ratio}k+1, which is what this model's VAE makes")

    def alike(self, request: RenderRequest) -> str:
        """Only shots of one frame rate share a pass."""
        return f"@{request.fps:g}"

    def trajectory(self, request: RenderRequest) -> dict[str, str]:
        """Positions in time are in seconds, so another frame rate is another film."""
        return {"fps": f"{request.fps:g}"}

    def encode(self, clip: Clip) -> Conditions:
        """T5 embeddings of both texts, (1, 128, width), and which of their tokens are text."""
        request = clip.request
        prompt, mask, negative, negative_mask = self.pipe.encode_prompt(
            prompt=request.prompt,
            negative_prompt=request.negative_prompt,
            do_classifier_free_guidance=self.is_guided(request),
            device=self.device,
        )
        positive = self._text(prompt, mask)
        return Conditions(positive, None if negative is None else self._text(negative, negative_mask))

    def start(self, clip: Clip, generator: torch.Generator) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Noise of shape (1, channels, latent frames, height, width)."""
        packed = self.pipe.prepare_latents(1, *self._shape(clip), torch.float32, self.device, generator)
        return self._unpacked(packed, self._grid(clip)), {}

    def scheduler(self, clip: Clip) -> Any:
        """The noise levels shift with the number of tokens that the network sees at once."""
        scheduler = type(self.pipe.scheduler).from_config(self.pipe.scheduler.config)
        frames, height, width = self._grid(clip)
        seen = min(frames, self.latent_frames(self.card.window(clip.request)))
        steps, tokens = clip.request.steps, seen * height * width
        bounds = (("base_image_seq_len", 256), ("max_image_seq_len", 4096), ("base_shift", 0.5), ("max_shift", 1.15))
        shift = calculate_shift(tokens, *(scheduler.config.get(name, usual) for name, usual in bounds))
        scheduler.set_timesteps(sigmas=np.linspace(1.0, 1 / steps, steps), device=self.device, mu=shift)
        return scheduler

    def inputs(self, shares: Sequence[Share]) -> dict[str, Any]:
        """Packed latents in the network's dtype, a timestep for each job, and the grid that the positions are made of."""
        frames, height, width = shares[0].latents.shape[2:]
        space = self.pipe.vae_spatial_compression_ratio
        rows = [self._packed(share.latents) for share in shares]
        # One row alone stays the view that it is, as in the call: a matrix product rounds otherwise for another layout.
        hidden = rows[0] if len(rows) == 1 else torch.cat(rows)
        return {
            "hidden_states": hidden.to(self.pipe.transformer.dtype),
            "timestep": torch.stack([self._time(share) for share in shares]),
            "num_frames": frames,
            "height": height,
            "width": width,
            "rope_interpolation_scale": (self._time_ratio / shares[0].state.request.fps, space, space),
        }

    def forward(self, network: Any, inputs: Mapping[str, Any]) -> torch.Tensor:
        """The prediction in float32, unpacked."""
        packed = super().forward(network, inputs).float()
        return self._unpacked(packed, (inputs["num_frames"], inputs["height"], inputs["width"]))

    def solve(self, state: JobState, solver: Solver, prediction: torch.Tensor) -> torch.Tensor:
        """A step for all latent frames but those that are given."""
        t, held = state.timesteps[state.cursor], self._held_frames
        moving = solver.scheduler.step(
            prediction[:, :, held:], t, state.latents[:, :, held:], generator=solver.generator, return_dict=False
        )[0]
        return torch.cat([state.latents[:, :, :held], moving], dim=2)

    def chunks(self, latents: torch.Tensor, state: JobState) -> Iterator[torch.Tensor]:
        """All in one piece: this decoder looks at later frames too, so it cannot go along time without other pictures."""
        pipe, vae = self.pipe, self.pipe.vae
        latents = pipe._denormalize_latents(latents, vae.latents_mean, vae.latents_std, vae.config.scaling_factor)
        latents, timestep = latents.to(vae.dtype), None
        if vae.config.timestep_conditioning:
            # A clone, because a draft must leave its final's random stream where it is.
            stream = state.solver.generator.clone_state()
            noise = randn_tensor(latents.shape, generator=stream, device=self.device, dtype=latents.dtype)
            timestep, share = torch.tensor([[DECODE_TIMESTEP], [DECODE_NOISE]], device=self.device, dtype=latents.dtype)
            latents = (1 - share) * latents + share * noise
        yield vae.decode(latents, timestep, return_dict=False)[0]

    def latent_frames(self, pictures: int) -> int:
        """How many latent frames hold so many pictures."""
        return (pictures - 1) // self._time_ratio + 1

    @property
    def _time_ratio(self) -> int:
        return int(self.pipe.vae_temporal_compression_ratio)

    @property
    def _held_frames(self) -> int:
        """Latent frames at the beginning that are given and never solved for."""
        return 0

    def _text(self, embeddings: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"encoder_hidden_states": embeddings.to(self.pipe.transformer.dtype), "encoder_attention_mask": mask}

    def _time(self, share: Share) -> torch.Tensor:
        return share.timestep

    def _shape(self, clip: Clip) -> tuple[int, int, int, int]:
        return self.pipe.transformer.config.in_channels, clip.request.height, clip.request.width, clip.frames

    def _grid(self, clip: Clip) -> tuple[int, int, int]:
        space = self.pipe.vae_spatial_compression_ratio
        return self.latent_frames(clip.frames), clip.request.height // space, clip.request.width // space

    def _packed(self, latents: torch.Tensor) -> torch.Tensor:
        packed: torch.Tensor = self.pipe._pack_latents(latents, *self._patch)
        return packed

    def _unpacked(self, packed: torch.Tensor, grid: tuple[int, int, int]) -> torch.Tensor:
        latents: torch.Tensor = self.pipe._unpack_latents(packed, *grid, *self._patch)
        return latents

    @property
    def _patch(self) -> tuple[int, int]:
        return self.pipe.transformer_spatial_patch_size, self.pipe.transformer_temporal_patch_size


class LtxImageAdapter(LtxAdapter):
    """`LTXImageToVideoPipeline`: the picture is the first latent frame, at timestep nought; long shots are chained."""

    LONG_SHOTS: ClassVar[LongShots] = LongShots.CHAINED

    def start(self, clip: Clip, generator: torch.Generator) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The picture's latents followed by noise; `mask` of shape (1, tokens) is 1 where the picture is."""
        request = clip.request
        image = self.pipe.video_processor.preprocess(first_picture(clip), height=request.height, width=request.width)
        image = image.to(device=self.device, dtype=self.pipe.vae.dtype)
        packed, mask = self.pipe.prepare_latents(image, 1, *self._shape(clip), torch.float32, self.device, generator)
        return self._unpacked(packed, self._grid(clip)), {"mask": mask}

    def finish(self, latents: torch.Tensor, state: JobState) -> torch.Tensor:
        """The first latent frame stays the picture's, in a draft's estimate too."""
        return torch.cat([state.latents[:, :, :1], latents[:, :, 1:]], dim=2)

    @property
    def _held_frames(self) -> int:
        return 1

    def _time(self, share: Share) -> torch.Tensor:
        time: torch.Tensor = share.timestep * (1 - share.state.extras["mask"][0])
        return time
