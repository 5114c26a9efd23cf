"""Triton's door to the upsampler (Python backend): small frames in, large frames out; without frames, its card.

`deploy/triton/model_repository/storyreel_upsampler/1/model.py` imports `TritonPythonModel` from here; the weights lie there.
They are loaded with the first request, not with the server: torch takes 300 MiB, and most servers make no studio finals.
"""

import json
import logging
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import triton_python_backend_utils as pb_utils

from storyreel_engine.card import weights_version
from storyreel_engine.failures import InvalidInputError

if TYPE_CHECKING:
    from storyreel_engine.studio_upsampler import Frames, StudioUpsampler

log = logging.getLogger(__name__)

NAME = "storyreel-upsampler"
WEIGHTS = "studio"
MOST_FRAMES = 64
"""Of one request: its answer has 2.8 MB for each."""


@dataclass(frozen=True)
class Loaded:
    """The network and the version that its weights have."""

    net: "StudioUpsampler"
    version: str


class TritonPythonModel:
    """One per server process."""

    def initialize(self, args: dict[str, str]) -> None:
        """Remember where the weights are and how to compute."""
        logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
        parameters = {k: v["string_value"] for k, v in json.loads(args["model_config"]).get("parameters", {}).items()}
        self._folder = Path(args["model_repository"]) / args["model_version"] / WEIGHTS
        self._device = os.environ.get("STORYREEL_DEVICE") or parameters.get("device", "auto")
        self._threads = int(os.environ.get("STORYREEL_TORCH_THREADS") or parameters.get("torch_threads", "2"))
        self._loaded: Loaded | None = None

    def execute(self, requests: list[Any]) -> list[Any]:
        """One answer for each request; what cannot be enlarged is told in EVENT, not raised."""
        return [self._answer(pb_utils.get_input_tensor_by_name(request, "FRAMES")) for request in requests]

    def _answer(self, tensor: Any) -> Any:
        loaded = self._load()
        card = {"name": NAME, "version": loaded.version, "most_frames": MOST_FRAMES}
        if tensor is None:
            return _response({"kind": "card", **card})
        try:
            start = time.perf_counter()
            frames = _enlarged(loaded, tensor.as_numpy())
            return _response({"kind": "frames", **card, "device_seconds": time.perf_counter() - start}, frames)
        except InvalidInputError as error:
            return _response({"kind": "failed", "failure": error.kind, "reason": str(error)})

    def _load(self) -> Loaded:
        if self._loaded is None:
            self._loaded = load(self._folder, self._device, self._threads)
            log.info("%s %s is ready", NAME, self._loaded.version)
        return self._loaded


def load(folder: Path, device: str, threads: int) -> Loaded:
    """The upsampler of a folder on a device (auto, cpu, cuda ...).

    Raises:
        OSError: there are no weights.
    """
    import torch  # noqa: PLC0415 - see the module's docstring

    from storyreel_engine.pipelines.loading import choose_device  # noqa: PLC0415
    from storyreel_engine.studio_upsampler import StudioUpsampler  # noqa: PLC0415

    torch.set_num_threads(threads)
    net = StudioUpsampler.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    net = net.eval().to(choose_device(device), memory_format=torch.channels_last)
    return Loaded(net, weights_version(folder))


def _enlarged(loaded: Loaded, frames: "Frames") -> "Frames":
    from storyreel_engine.studio_upsampler import enlarged, film_cut  # noqa: PLC0415

    if len(frames) > MOST_FRAMES:
        raise InvalidInputError(f"frames: {len(frames)} are more than {MOST_FRAMES} at once")
    return enlarged(loaded.net, film_cut(frames))


def _response(event: dict[str, Any], frames: "Frames | None" = None) -> Any:
    tensors = [pb_utils.Tensor("EVENT", np.array([json.dumps(event).encode()], dtype=np.object_))]
    if frames is not None:
        tensors.append(pb_utils.Tensor("FRAMES", frames))
    return pb_utils.InferenceResponse(output_tensors=tensors)
