"""Baseline B's model: one step of whatever batch Triton made, then the requests go back into its queue."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils
from storyreel_engine.ports import Inputs, Unit
from storyreel_engine.virtual import VirtualState, load_virtual
from storyreel_engine.wire import RenderRequest, parse_request


class TritonPythonModel:
    """One per server process; renders are known by the number that Triton gives their sequence."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the virtual model."""
        parameters = json.loads(args["model_config"])["parameters"]
        self._pipeline = load_virtual(Path(parameters["model_dir"]["string_value"]))
        self._open: dict[int, VirtualState] = {}

    def execute(self, requests: list[Any]) -> list[Any]:
        """One pass of all, then an answer for those that are done and another round for the rest."""
        numbers = [int(_scalar(request, "CORRID")) for request in requests]
        for number, request in zip(numbers, requests, strict=True):
            if _scalar(request, "START"):
                self._open[number] = self._pipeline.prepare(_render_of(request), Inputs())
        self._pipeline.advance([self._open[number] for number in numbers])
        return [self._after_pass(number, request) for number, request in zip(numbers, requests, strict=True)]

    def _after_pass(self, number: int, request: Any) -> Any:
        state = self._open[number]
        if state.unit is Unit.PASS:
            request.set_release_flags(pb_utils.TRITONSERVER_REQUEST_RELEASE_RESCHEDULE)
            return None
        del self._open[number]
        chunks = []
        while state.unit is Unit.DECODE:
            chunks.append(self._pipeline.decode(state))
        return pb_utils.InferenceResponse([pb_utils.Tensor("FRAMES", np.concatenate(chunks)[np.newaxis])])


def _scalar(request: Any, name: str) -> Any:
    return pb_utils.get_input_tensor_by_name(request, name).as_numpy().reshape(-1)[0]


def _render_of(request: Any) -> RenderRequest:
    render = parse_request(bytes(_scalar(request, "REQUEST")))
    if not isinstance(render, RenderRequest):
        raise TypeError(f"{type(render).__name__} is not a render")
    return render
