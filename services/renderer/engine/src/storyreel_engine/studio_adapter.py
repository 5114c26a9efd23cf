"""The studio model in the step engine: stills from words, clips from a first picture; without one, it makes that itself."""

import torch
from diffusers.utils.torch_utils import randn_tensor

from storyreel_engine.failures import InvalidInputError
from storyreel_engine.pipelines.family import Share
from storyreel_engine.pipelines.state import Clip, Conditions, JobState
from storyreel_engine.pipelines.wan import WanAdapter, WanImageAdapter
from storyreel_engine.wire import RenderRequest


class StudioAdapter(WanImageAdapter):
    """`WanImageToVideoPipeline` of the studio model, for which the first picture is optional.

    A still is denoised alone. A clip without a picture is a chain of two links, the still first and the clip from it: at every
    step it is a job like any other. Such a clip has no draft, for its clip can only begin when its still is finished.
    """

    def check(self, request: RenderRequest) -> None:
        """As the family, and no draft of a clip whose first picture is not there yet."""
        super().check(request)
        if request.stop_after and request.frames > 1 and not request.first_frame:
            raise InvalidInputError("stop_after: without a first_frame this model makes one first, so there is no draft")

    def encode(self, clip: Clip) -> Conditions:
        """The texts alone; the network reads no picture."""
        return WanAdapter.encode(self, clip)

    def start(self, clip: Clip, generator: torch.Generator) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Noise, and the picture's latents if there is a picture."""
        if clip.picture is not None:
            return super().start(clip, generator)
        vae, request = self.pipe.vae.config, clip.request
        sides = (side // vae.scale_factor_spatial for side in (request.height, request.width))
        shape = (1, vae.z_dim, self.latent_frames(clip.frames), *sides)
        return randn_tensor(shape, generator=generator, device=self.device, dtype=torch.float32), {}

    def finish(self, latents: torch.Tensor, state: JobState) -> torch.Tensor:
        """The first latent frame is the picture's own, where there is one."""
        return super().finish(latents, state) if state.extras else latents

    def _links(self, request: RenderRequest) -> tuple[int, ...]:
        links = super()._links(request)
        return links if request.first_frame or request.frames == 1 else (1, *links)

    def _hidden(self, share: Share) -> torch.Tensor:
        return super()._hidden(share) if share.state.extras else share.latents
