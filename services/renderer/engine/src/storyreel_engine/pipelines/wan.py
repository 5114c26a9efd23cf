"""Wan pipelines of diffusers: 2.1, 2.2 with two experts, 2.2 with a timestep for each token (5B); from text or a picture."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan, WanCausalConv3d, unpatchify

from storyreel_engine.pipelines.base import VideoAdapter
from storyreel_engine.pipelines.family import LongShots, Share
from storyreel_engine.pipelines.pictures import first_picture
from storyreel_engine.pipelines.state import Clip, Conditions, JobState
from storyreel_engine.wire import RenderRequest


class WanAdapter(VideoAdapter):
    """`WanPipeline`: text to video; long shots in overlapping windows."""

    LONG_SHOTS: ClassVar[LongShots] = LongShots.BLENDED

    def encode(self, clip: Clip) -> Conditions:
        """T5 embeddings of both texts, padded to 512 tokens: (1, 512, width)."""
        request = clip.request
        prompt, negative = self.pipe.encode_prompt(
            prompt=request.prompt,
            negative_prompt=request.negative_prompt,
            do_classifier_free_guidance=self.is_guided(request),
            max_sequence_length=512,
            device=self.device,
        )
        return Conditions(self._text(prompt), None if negative is None else self._text(negative))

    def start(self, clip: Clip, generator: torch.Generator) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Noise of shape (1, channels, latent frames, height, width)."""
        channels = self._any_network.config.in_channels
        request = clip.request
        size = (request.height, request.width, clip.frames)
        return self.pipe.prepare_latents(1, channels, *size, torch.float32, self.device, generator), {}

    def network(self, state: JobState) -> str:
        """Wan 2.2 has two experts: one for high noise, one for low."""
        return self._expert(state.timesteps[state.cursor])

    def first_network(self, request: RenderRequest) -> str:
        """The expert of the first timestep."""
        if self.pipe.config.boundary_ratio is None:
            return "transformer"
        return self._expert(self.scheduler(Clip(request, request.frames)).timesteps[0])

    def inputs(self, shares: Sequence[Share]) -> dict[str, Any]:
        """Latents in the network's dtype; a timestep for each job, or for each of its tokens."""
        hidden = torch.cat([self._hidden(share) for share in shares])
        return {"hidden_states": hidden.to(self._any_network.dtype), "timestep": torch.stack([self._time(s) for s in shares])}

    def chunks(self, latents: torch.Tensor, state: JobState) -> Iterator[torch.Tensor]:  # noqa: ARG002 - see the hook
        """One latent frame at a time, as Wan's causal VAE itself goes: the first gives one picture, each other four.

        Another VAE in a Wan pipeline decodes at once.
        """
        vae = self.pipe.vae
        if not isinstance(vae, AutoencoderKLWan):
            yield vae.decode(self._denormalised(latents), return_dict=False)[0]
            return
        hidden = vae.post_quant_conv(self._denormalised(latents))
        memory = [None] * sum(isinstance(module, WanCausalConv3d) for module in vae.decoder.modules())
        for i in range(hidden.shape[2]):
            video = vae.decoder(hidden[:, :, i : i + 1], feat_cache=memory, feat_idx=[0], first_chunk=i == 0)
            if vae.config.patch_size is not None:
                video = unpatchify(video, patch_size=vae.config.patch_size)
            yield video.clamp(-1.0, 1.0)

    @property
    def _any_network(self) -> Any:
        return self.pipe.transformer or self.pipe.transformer_2

    def _text(self, embeddings: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"encoder_hidden_states": embeddings.to(self._any_network.dtype)}

    def _expert(self, timestep: torch.Tensor) -> str:
        ratio = self.pipe.config.boundary_ratio
        high = ratio is None or timestep >= ratio * self.pipe.scheduler.config.num_train_timesteps
        return "transformer" if high else "transformer_2"

    def _hidden(self, share: Share) -> torch.Tensor:
        return share.latents

    def _time(self, share: Share) -> torch.Tensor:
        if not self.pipe.config.expand_timesteps:
            return share.timestep
        mask = share.state.extras.get("mask")
        if mask is None:
            mask = torch.ones((1, 1, *share.latents.shape[2:]), dtype=torch.float32, device=self.device)
        return (mask[0, 0, :, ::2, ::2] * share.timestep).flatten()

    def _denormalised(self, latents: torch.Tensor) -> torch.Tensor:
        vae = self.pipe.vae
        latents = latents.to(vae.device, dtype=vae.dtype)
        shape = (1, vae.config.z_dim, 1, 1, 1)
        mean = torch.tensor(vae.config.latents_mean).view(shape).to(latents.device, latents.dtype)
        std = 1.0 / torch.tensor(vae.config.latents_std).view(shape).to(latents.device, latents.dtype)
        return latents / std + mean


class WanImageAdapter(WanAdapter):
    """`WanImageToVideoPipeline`: from a picture; a long shot is a chain, each link from the last picture of the one before."""

    LONG_SHOTS: ClassVar[LongShots] = LongShots.CHAINED

    def encode(self, clip: Clip) -> Conditions:
        """Text as for text-to-video; Wan 2.1 reads the picture too, through its image encoder."""
        conditions = super().encode(clip)
        if self.pipe.transformer is None or self.pipe.transformer.config.image_dim is None:
            return conditions
        seen = self.pipe.encode_image(first_picture(clip), self.device).to(self._any_network.dtype)
        image = {"encoder_hidden_states_image": seen}
        negative = None if conditions.negative is None else {**conditions.negative, **image}
        return Conditions({**conditions.positive, **image}, negative)

    def start(self, clip: Clip, generator: torch.Generator) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Noise, and the picture's latents: beside the noise as channels, or in place of the first latent frame (5B)."""
        request, pipe = clip.request, self.pipe
        image = pipe.video_processor.preprocess(first_picture(clip), height=request.height, width=request.width)
        size = (request.height, request.width, clip.frames)
        made = pipe.prepare_latents(
            image.to(self.device, dtype=torch.float32),
            1,
            pipe.vae.config.z_dim,
            *size,
            torch.float32,
            self.device,
            generator,
        )
        return made[0], dict(zip(("condition", "mask"), made[1:], strict=False))

    def finish(self, latents: torch.Tensor, state: JobState) -> torch.Tensor:
        """The 5B model's first latent frame is the picture's own."""
        return self._with_picture(latents, state) if self.pipe.config.expand_timesteps else latents

    def _hidden(self, share: Share) -> torch.Tensor:
        if self.pipe.config.expand_timesteps:
            return self._with_picture(share.latents, share.state)
        return torch.cat([share.latents, share.state.extras["condition"]], dim=1)

    def _with_picture(self, latents: torch.Tensor, state: JobState) -> torch.Tensor:
        mask = state.extras["mask"]
        return (1 - mask) * state.extras["condition"] + mask * latents
