"""What a solver thinks the clean video is, seen from one step: a draft's pictures, without another forward pass."""

from typing import Any

import torch

from storyreel_engine.failures import InvalidInputError


def prediction_type(scheduler: Any) -> str:
    """What the network predicts for this scheduler: "flow_prediction", "v_prediction", "epsilon" or "sample"."""
    named = scheduler.config.get("prediction_type")
    return named or ("flow_prediction" if type(scheduler).__name__.startswith("FlowMatch") else "")


def clean_estimate(scheduler: Any, index: int, prediction: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
    """The clean latents as step `index` sees them: `prediction` is the network's (guided) answer to `latents`.

    Raises:
        InvalidInputError: a kind of prediction that has no such estimate.
    """
    kind = prediction_type(scheduler)
    if kind == "flow_prediction":
        return latents - scheduler.sigmas[index].to(latents.device) * prediction
    if kind == "sample":
        return prediction
    if kind in ("v_prediction", "epsilon") and hasattr(scheduler, "alphas_cumprod"):
        alpha = scheduler.alphas_cumprod[int(scheduler.timesteps[index])].to(latents.device)
        if kind == "v_prediction":
            return alpha.sqrt() * latents - (1 - alpha).sqrt() * prediction
        return (latents - (1 - alpha).sqrt() * prediction) / alpha.sqrt()
    raise InvalidInputError(f"stop_after: {type(scheduler).__name__} gives no draft of a {kind or 'unnamed'} prediction")
