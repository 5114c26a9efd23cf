"""Wan text-to-video pipelines of diffusers (2.1 and 2.2), cut at their denoise steps.

The steps are the ones of `WanPipeline.__call__` in its order, so a job that is rendered alone gives the same bits
(tests/connected/test_wan_steps.py holds that). Each job has its own scheduler; the networks are shared.
"""

from dataclasses import dataclass
from typing import Any

import torch
from diffusers import WanPipeline

from storyreel_engine import checkpoint as ckpt
from storyreel_engine.card import ModelCard
from storyreel_engine.failures import InvalidInputError, ModelFaultError
from storyreel_engine.on_device import on_device
from storyreel_engine.ports import Frames
from storyreel_engine.wire import RenderRequest


@dataclass
class WanState:
    """One job between two steps. `latents` is float32 of shape (1, channels, latent frames, height, width)."""

    request: RenderRequest
    latents: torch.Tensor
    prompt: torch.Tensor
    negative: torch.Tensor | None
    scheduler: Any
    generator: torch.Generator
    step: int = 0

    @property
    def steps(self) -> int:
        """Steps in all: what the scheduler made of the request (solvers of second order take more)."""
        return len(self.scheduler.timesteps)


class WanAdapter:
    """Implements `ports.Pipeline` for a loaded `WanPipeline`."""

    def __init__(self, pipeline: WanPipeline, card: ModelCard, device: torch.device) -> None:
        self._pipe = pipeline
        self._card = card
        self._device = device

    @property
    def card(self) -> ModelCard:
        """The folder's card."""
        return self._card

    def check(self, request: RenderRequest) -> None:
        """The card's rules."""
        self._card.check(request)

    def prepare(self, request: RenderRequest) -> WanState:
        """Text to embeddings, seed to noise; the random stream is drawn on the CPU, so every device sees the same."""
        with on_device(self._device):
            prompt, negative = self._encode(request)
            generator = torch.Generator("cpu").manual_seed(request.seed)
            scheduler = self._fresh_scheduler(request)
            networks = self._pipe.transformer or self._pipe.transformer_2
            latents = self._pipe.prepare_latents(
                1,
                networks.config.in_channels,
                request.height,
                request.width,
                request.frames,
                torch.float32,
                self._device,
                generator,
            )
            scheduler.set_begin_index(0)
            return WanState(request, latents, prompt, negative, scheduler, generator)

    def step(self, state: WanState) -> None:
        """One denoise step: both passes of the guidance, then the solver."""
        with on_device(self._device):
            t = state.scheduler.timesteps[state.step]
            noise = self._predict(state, t)
            state.latents = state.scheduler.step(noise, t, state.latents, return_dict=False)[0]
            state.step += 1

    def decode(self, state: WanState) -> Frames:
        """VAE decode, then 8-bit on the device: a quarter of the bytes leave it."""
        with on_device(self._device):
            vae = self._pipe.vae
            latents = state.latents.to(vae.device, dtype=vae.dtype)
            shape = (1, vae.config.z_dim, 1, 1, 1)
            mean = torch.tensor(vae.config.latents_mean).view(shape).to(latents.device, latents.dtype)
            std = 1.0 / torch.tensor(vae.config.latents_std).view(shape).to(latents.device, latents.dtype)
            video = vae.decode(latents / std + mean, return_dict=False)[0]
            if not bool(torch.isfinite(video).all()):
                raise ModelFaultError("the decoded video holds values that are not finite")
            pixels = (video.float() * 0.5 + 0.5).clamp(0, 1).mul(255).round().to(torch.uint8)
            frames: Frames = pixels[0].permute(1, 2, 3, 0).contiguous().cpu().numpy()
            return frames

    def save(self, state: WanState) -> bytes:
        """Latents, random stream and the solver's history; embeddings are left out, the text gives them again."""
        with on_device(self._device):
            memory, history = ckpt.scheduler_memory(state.scheduler)
            tensors = {f"scheduler.{name}": tensor for name, tensor in history.items()}
            tensors |= {"latents": state.latents, "rng": state.generator.get_state()}
            return ckpt.pack({**self._identity(state.request), "step": state.step, "scheduler": memory}, tensors)

    def restore(self, request: RenderRequest, checkpoint: bytes) -> WanState:
        """The state at the checkpoint's step, refused if it is of another model or of another request."""
        saved = ckpt.unpack(checkpoint)
        for key, expected in self._identity(request).items():
            if saved.meta.get(key) != expected:
                raise InvalidInputError(f"checkpoint: {key} is {saved.meta.get(key)!r}, this job needs {expected!r}")
        with on_device(self._device):
            return self._restored(request, saved)

    def _restored(self, request: RenderRequest, saved: ckpt.Checkpoint) -> WanState:
        prompt, negative = self._encode(request)
        scheduler = self._fresh_scheduler(request)
        history = {n.removeprefix("scheduler."): t for n, t in saved.tensors.items() if n.startswith("scheduler.")}
        ckpt.restore_scheduler(scheduler, saved.meta["scheduler"], history, self._device)
        generator = torch.Generator("cpu")
        generator.set_state(saved.tensors["rng"])
        latents = saved.tensors["latents"].to(self._device)
        return WanState(request, latents, prompt, negative, scheduler, generator, int(saved.meta["step"]))

    def _identity(self, request: RenderRequest) -> dict[str, str]:
        return {"model_version": self._card.version, "request": request.fingerprint()}

    def _fresh_scheduler(self, request: RenderRequest) -> Any:
        scheduler = type(self._pipe.scheduler).from_config(self._pipe.scheduler.config)
        scheduler.set_timesteps(request.steps, device=self._device)
        return scheduler

    def _encode(self, request: RenderRequest) -> tuple[torch.Tensor, torch.Tensor | None]:
        prompt, negative = self._pipe.encode_prompt(
            prompt=request.prompt,
            negative_prompt=request.negative_prompt,
            do_classifier_free_guidance=request.guidance > 1.0,
            max_sequence_length=512,
            device=self._device,
        )
        dtype = (self._pipe.transformer or self._pipe.transformer_2).dtype
        return prompt.to(dtype), None if negative is None else negative.to(dtype)

    def _predict(self, state: WanState, t: torch.Tensor) -> torch.Tensor:
        network = self._network(t)
        inputs = {
            "hidden_states": state.latents.to((self._pipe.transformer or self._pipe.transformer_2).dtype),
            "timestep": self._timestep(state, t),
            "return_dict": False,
        }
        place = {
            "step_index": state.step,
            "sigma": float(state.scheduler.sigmas[state.step]),
            "num_inference_steps": state.steps,
        }
        with network.cache_context("cond", **place):
            noise: torch.Tensor = network(encoder_hidden_states=state.prompt, **inputs)[0]
        if state.negative is None:
            return noise
        with network.cache_context("uncond", **place):
            plain = network(encoder_hidden_states=state.negative, **inputs)[0]
        return plain + state.request.guidance * (noise - plain)

    def _network(self, t: torch.Tensor) -> Any:
        # Wan 2.2 has two experts: one for high noise, one for low.
        ratio = self._pipe.config.boundary_ratio
        if ratio is None or t >= ratio * self._pipe.scheduler.config.num_train_timesteps:
            return self._pipe.transformer
        return self._pipe.transformer_2

    def _timestep(self, state: WanState, t: torch.Tensor) -> torch.Tensor:
        if not self._pipe.config.expand_timesteps:
            return t.expand(1)
        mask = torch.ones(state.latents.shape[2:], dtype=torch.float32, device=self._device)
        return (mask[:, ::2, ::2] * t).flatten().unsqueeze(0)
