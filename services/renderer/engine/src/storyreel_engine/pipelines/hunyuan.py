"""HunyuanVideo pipelines of diffusers (1.0), from text or from a picture.

Most of these models have the guidance built in: its weight is an input, a step is one forward, and the negative text is not
read. Those without take a second, unconditional forward when guidance is above 1.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from PIL import Image

from storyreel_engine.failures import InvalidInputError
from storyreel_engine.pipelines.base import VideoAdapter
from storyreel_engine.pipelines.family import LongShots, Share
from storyreel_engine.pipelines.pictures import first_picture
from storyreel_engine.pipelines.state import Clip, Conditions, JobState, Solver
from storyreel_engine.wire import RenderRequest


class HunyuanAdapter(VideoAdapter):
    """`HunyuanVideoPipeline`: text to video; long shots in overlapping windows."""

    LONG_SHOTS: ClassVar[LongShots] = LongShots.BLENDED

    def is_guided(self, request: RenderRequest) -> bool:
        """A second forward only where the guidance is not built in."""
        return not self.pipe.transformer.config.guidance_embeds and super().is_guided(request)

    def encode(self, clip: Clip) -> Conditions:
        """Embeddings of the text by a language model (with their mask) and by CLIP (pooled), and the guidance's weight."""
        request = clip.request
        positive = self._text(clip, request.prompt)
        if self.is_guided(request):
            return Conditions(positive, self._text(clip, request.negative_prompt, unconditional=True))
        if not self.pipe.transformer.config.guidance_embeds:
            return Conditions(positive)
        weight = torch.tensor([request.guidance], dtype=self._dtype, device=self.device) * 1000.0
        return Conditions({**positive, "guidance": weight})

    def start(self, clip: Clip, generator: torch.Generator) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Noise of shape (1, channels, latent frames, height, width)."""
        channels = self.pipe.transformer.config.in_channels
        return self.pipe.prepare_latents(1, channels, *self._size(clip), torch.float32, self.device, generator), {}

    def scheduler(self, clip: Clip) -> Any:
        """Noise levels spread evenly before the scheduler shifts them."""
        scheduler = type(self.pipe.scheduler).from_config(self.pipe.scheduler.config)
        scheduler.set_timesteps(sigmas=np.linspace(1.0, 0.0, clip.request.steps + 1)[:-1], device=self.device)
        scheduler.set_begin_index(0)
        return scheduler

    def inputs(self, shares: Sequence[Share]) -> dict[str, Any]:
        """Latents in the network's dtype; timesteps in the latents' own, as the pipeline has them."""
        hidden = torch.cat([self._hidden(share) for share in shares])
        times = torch.stack([share.timestep.to(share.latents.dtype) for share in shares])
        return {"hidden_states": hidden.to(self._dtype), "timestep": times}

    def chunks(self, latents: torch.Tensor, state: JobState) -> Iterator[torch.Tensor]:  # noqa: ARG002 - see the hook
        """The VAE's own pieces: five latent frames that overlap the next, blended where they do."""
        vae = self.pipe.vae
        hidden = latents.to(vae.dtype) / vae.config.scaling_factor
        ratio, stride = vae.temporal_compression_ratio, vae.tile_sample_stride_num_frames
        if not vae.use_framewise_decoding or hidden.shape[2] <= vae.tile_sample_min_num_frames // ratio:
            yield vae.decode(hidden, return_dict=False)[0]
            return
        left = (hidden.shape[2] - 1) * ratio + 1
        before: torch.Tensor | None = None
        for start in range(0, hidden.shape[2], stride // ratio):
            piece = hidden[:, :, start : start + vae.tile_sample_min_num_frames // ratio + 1]
            video = vae.decoder(vae.post_quant_conv(piece))
            if before is not None:
                video = vae.blend_t(before, video[:, :, 1:], vae.tile_sample_min_num_frames - stride)
            fresh = video[:, :, : min(left, stride if start else stride + 1)]
            before, left = video, left - fresh.shape[2]
            if fresh.shape[2]:
                yield fresh

    @property
    def _dtype(self) -> torch.dtype:
        dtype: torch.dtype = self.pipe.transformer.dtype
        return dtype

    def _hidden(self, share: Share) -> torch.Tensor:
        return share.latents

    def _size(self, clip: Clip) -> tuple[int, int, int]:
        return clip.request.height, clip.request.width, clip.frames

    def _text(self, clip: Clip, text: str, *, unconditional: bool = False) -> dict[str, torch.Tensor]:  # noqa: ARG002
        return self._named(*self.pipe.encode_prompt(prompt=text, device=self.device))

    def _named(self, embeddings: torch.Tensor, pooled: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
        named = {"encoder_hidden_states": embeddings, "pooled_projections": pooled, "encoder_attention_mask": mask}
        return {name: tensor.to(self._dtype) for name, tensor in named.items()}


class HunyuanImageAdapter(HunyuanAdapter):
    """`HunyuanVideoImageToVideoPipeline`. The picture is the first latent frame (`token_replace`; long shots are chained), or
    lies beside the noise as channels (`latent_concat`; the model's first four pictures are dropped, so no chain holds)."""

    LONG_SHOTS: ClassVar[LongShots] = LongShots.CHAINED

    @classmethod
    def long_shots(cls, network: Mapping[str, Any]) -> LongShots:
        """None where the picture lies beside the noise: a link could not begin with a picture that is not shown."""
        return LongShots.REFUSED if network["image_condition_type"] == "latent_concat" else cls.LONG_SHOTS

    def check(self, request: RenderRequest) -> None:
        """As any; a model that does not show its first picture cannot be chained."""
        super().check(request)
        if self._drops and self.card.window(request) < request.frames:
            raise InvalidInputError(f"frames: {request.frames} are more than one window, and this model makes no longer shots")

    def start(self, clip: Clip, generator: torch.Generator) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Noise with a trace of the picture in it; `picture`: its latents, one frame or all frames and their mask."""
        request, pipe = clip.request, self.pipe
        image = pipe.video_processor.preprocess(first_picture(clip), request.height, request.width)
        latents, picture = pipe.prepare_latents(
            image.to(self.device, pipe.vae.dtype),
            1,
            pipe.vae.config.latent_channels,
            *self._size(clip),
            torch.float32,
            self.device,
            generator,
            None,
            pipe.transformer.config.image_condition_type,
        )
        return latents, {"picture": _beside(picture) if self._drops else picture}

    def solve(self, state: JobState, solver: Solver, prediction: torch.Tensor) -> torch.Tensor:
        """Where the picture is a latent frame, that frame is given and not solved for."""
        if self._drops:
            return super().solve(state, solver, prediction)
        t = state.timesteps[state.cursor]
        moving = solver.scheduler.step(prediction[:, :, 1:], t, state.latents[:, :, 1:], return_dict=False)[0]
        return torch.cat([state.extras["picture"], moving], dim=2)

    def finish(self, latents: torch.Tensor, state: JobState) -> torch.Tensor:
        """The given frame stays, in a draft's estimate too."""
        return latents if self._drops else torch.cat([state.extras["picture"], latents[:, :, 1:]], dim=2)

    def chunks(self, latents: torch.Tensor, state: JobState) -> Iterator[torch.Tensor]:
        """As for text, without the pictures that the model makes to be dropped."""
        drop = self._drops
        for video in super().chunks(latents, state):
            if video.shape[2] > drop:
                yield video[:, :, drop:]
            drop = max(0, drop - video.shape[2])

    def latent_frames(self, pictures: int) -> int:
        """How many latent frames hold so many pictures, and those to be dropped."""
        return super().latent_frames(pictures + self._drops)

    @property
    def _drops(self) -> int:
        """Pictures that are made at the beginning and not shown: those of one latent frame."""
        beside = self.pipe.transformer.config.image_condition_type == "latent_concat"
        return int(self.pipe.vae_scale_factor_temporal) if beside else 0

    def _hidden(self, share: Share) -> torch.Tensor:
        picture = share.state.extras["picture"]
        if self._drops:
            return torch.cat([share.latents, picture], dim=1)
        return torch.cat([picture, share.latents[:, :, 1:]], dim=2)

    def _size(self, clip: Clip) -> tuple[int, int, int]:
        return clip.request.height, clip.request.width, clip.frames + self._drops

    def _text(self, clip: Clip, text: str, *, unconditional: bool = False) -> dict[str, torch.Tensor]:
        size = (clip.request.width, clip.request.height)
        return self._named(
            *self.pipe.encode_prompt(
                image=Image.new("RGB", size, 0) if unconditional else first_picture(clip),
                prompt=text,
                device=self.device,
                image_embed_interleave=2 if self._drops else 4,
            )
        )


def _beside(picture: torch.Tensor) -> torch.Tensor:
    # The picture's latents in the first frame, nought in the others, and a channel that says which is which.
    beside = picture.new_zeros(1, picture.shape[1] + 1, *picture.shape[2:])
    beside[:, :-1, :1] = picture[:, :, :1]
    beside[:, -1, :1] = 1
    return beside
