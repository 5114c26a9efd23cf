"""CogVideoX pipelines of diffusers (1.0 and 1.5), from text or from a picture.

Latents have the shape (1, frames, channels, height, width), in the network's dtype.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch
from diffusers import CogVideoXDPMScheduler

from storyreel_engine.failures import InvalidInputError
from storyreel_engine.pipelines.base import VideoAdapter
from storyreel_engine.pipelines.family import LongShots, Share
from storyreel_engine.pipelines.pictures import first_picture
from storyreel_engine.pipelines.state import Clip, Conditions, JobState, Solver
from storyreel_engine.wire import RenderRequest


class CogVideoXAdapter(VideoAdapter):
    """`CogVideoXPipeline`: text to video; both passes of the guidance in one forward, long shots in overlapping windows."""

    JOINT: ClassVar[bool] = True
    LONG_SHOTS: ClassVar[LongShots] = LongShots.BLENDED
    FRAME_FACTOR: ClassVar[int] = 8
    """The VAE goes by two latent frames of four pictures; of another number, other than so many pictures come out."""
    FRAME_AXIS: ClassVar[int] = 1

    def check(self, request: RenderRequest) -> None:
        """As any, and the VAE's own rule of frames."""
        super().check(request)
        for name, value in (("frames", request.frames), ("window", request.window or 1)):
            if value % self.FRAME_FACTOR != 1:
                raise InvalidInputError(f"{name}: {value} is not {self.FRAME_FACTOR}k+1, which is what this model's VAE makes")

    def trajectory(self, request: RenderRequest) -> dict[str, str]:  # noqa: ARG002 - see the hook
        """The card decides on the guidance, and is no part of the model's version."""
        return {"dynamic_guidance": str(self.card.dynamic_guidance)}

    def encode(self, clip: Clip) -> Conditions:
        """T5 embeddings of both texts: (1, 226, width)."""
        request = clip.request
        prompt, negative = self.pipe.encode_prompt(
            prompt=request.prompt,
            negative_prompt=request.negative_prompt,
            do_classifier_free_guidance=self.is_guided(request),
            device=self.device,
        )
        return Conditions(self._text(prompt), None if negative is None else self._text(negative))

    def start(self, clip: Clip, generator: torch.Generator) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Noise in the network's dtype, which is where the pipeline keeps its latents."""
        channels = self.pipe.transformer.config.in_channels
        return self.pipe.prepare_latents(1, channels, *self._size(clip), self._dtype, self.device, generator), {}

    def inputs(self, shares: Sequence[Share]) -> dict[str, Any]:
        """Latents, a timestep for each job, and where their positions are turned to (all have one size)."""
        hidden = torch.cat([self._hidden(share) for share in shares])
        inputs = {"hidden_states": hidden, "timestep": torch.stack([share.timestep for share in shares])}
        request = shares[0].state.request
        if self.pipe.transformer.config.use_rotary_positional_embeddings:
            inputs["image_rotary_emb"] = self.pipe._prepare_rotary_positional_embeddings(
                request.height, request.width, hidden.shape[1], self.device
            )
        if self.pipe.transformer.config.ofs_embed_dim is not None:
            inputs["ofs"] = hidden.new_full((1,), fill_value=2.0)  # the 1.5 picture model was trained with just this one
        return inputs

    def forward(self, network: Any, inputs: Mapping[str, Any]) -> torch.Tensor:
        """The prediction in float32."""
        return super().forward(network, inputs).float()

    def guide(self, share: Share, conditional: torch.Tensor, plain: torch.Tensor) -> torch.Tensor:
        """Classifier-free guidance, its weight growing from step to step where the card says so."""
        weight = share.state.request.guidance
        if self.card.dynamic_guidance:
            weight = _growing(weight, len(share.state.timesteps), float(share.timestep))
        return plain + weight * (conditional - plain)

    def solve(self, state: JobState, solver: Solver, prediction: torch.Tensor) -> torch.Tensor:
        """DDIM; or DPM, which remembers its last estimate of the clean video and draws noise at every step."""
        if not isinstance(solver.scheduler, CogVideoXDPMScheduler):
            return super().solve(state, solver, prediction).to(self._dtype)
        timesteps, i = state.timesteps, state.cursor
        latents, solver.memory["estimate"] = solver.scheduler.step(
            prediction,
            solver.memory.get("estimate"),
            timesteps[i],
            timesteps[i - 1] if i > 0 else None,
            state.latents,
            generator=solver.generator,
            return_dict=False,
        )
        stepped: torch.Tensor = latents.to(self._dtype)
        return stepped

    def finish(self, latents: torch.Tensor, state: JobState) -> torch.Tensor:
        """Without the latent frames that version 1.5 puts in front to make their number even."""
        wanted = super().latent_frames(state.clip.frames)
        return latents[:, latents.shape[1] - wanted :]

    def chunks(self, latents: torch.Tensor, state: JobState) -> Iterator[torch.Tensor]:  # noqa: ARG002 - see the hook
        """Two latent frames at a time with what the convolutions remember, as the VAE itself goes; three the first time."""
        vae, memory = self.pipe.vae, None
        hidden = latents.permute(0, 2, 1, 3, 4).to(vae.dtype)
        hidden = 1 / self.pipe.vae_scaling_factor_image * hidden
        length, size = hidden.shape[2], vae.num_latent_frames_batch_size
        first = size + length % size if length > size else length
        for piece in hidden.split([first] + [size] * ((length - first) // size), dim=2):
            cut = piece if vae.post_quant_conv is None else vae.post_quant_conv(piece)
            video, memory = vae.decoder(cut, conv_cache=memory)
            yield video

    def latent_frames(self, pictures: int) -> int:
        """How many latent frames hold so many pictures; version 1.5 works on an even number of them."""
        count, token = super().latent_frames(pictures), self.pipe.transformer.config.patch_size_t
        return count if token is None else math.ceil(count / token) * token

    @property
    def _dtype(self) -> torch.dtype:
        dtype: torch.dtype = self.pipe.transformer.dtype
        return dtype

    def _text(self, embeddings: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"encoder_hidden_states": embeddings.to(self._dtype)}

    def _hidden(self, share: Share) -> torch.Tensor:
        return share.latents

    def _size(self, clip: Clip) -> tuple[int, int, int]:
        pictures = (self.latent_frames(clip.frames) - 1) * self.pipe.vae_scale_factor_temporal + 1
        return pictures, clip.request.height, clip.request.width


class CogVideoXImageAdapter(CogVideoXAdapter):
    """`CogVideoXImageToVideoPipeline`: the picture's latents lie beside the noise as channels; long shots are chained."""

    LONG_SHOTS: ClassVar[LongShots] = LongShots.CHAINED

    def start(self, clip: Clip, generator: torch.Generator) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Noise, and `picture`: its latents in the first frame, nought in the others."""
        request, pipe = clip.request, self.pipe
        image = pipe.video_processor.preprocess(first_picture(clip), height=request.height, width=request.width)
        image = image.to(self.device, dtype=pipe.vae.dtype)
        channels = pipe.transformer.config.in_channels // 2
        latents, picture = pipe.prepare_latents(image, 1, channels, *self._size(clip), self._dtype, self.device, generator)
        return latents, {"picture": picture}

    def _hidden(self, share: Share) -> torch.Tensor:
        return torch.cat([share.latents, share.state.extras["picture"]], dim=2)


def _growing(guidance: float, steps: int, timestep: float) -> float:
    # The pipeline's own formula, also where it compares steps with a timestep of training: the models were tuned with it.
    return 1 + guidance * ((1 - math.cos(math.pi * ((steps - timestep) / steps) ** 5.0)) / 2)
