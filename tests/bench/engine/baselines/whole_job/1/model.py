"""Baseline A's model: takes a batch of whole renders, does them to the end, answers.

A pipeline's call has one number of steps. Renders of unlike length share one only if it is padded to its longest (`padded` is
on: A); or else the batch is split by steps, the shortest first, and each call's renders are answered as soon as it is done,
which is the best that whole jobs allow (A+).
"""

import json
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils
from storyreel_engine.ports import Inputs, Unit
from storyreel_engine.virtual import VirtualState, load_virtual
from storyreel_engine.wire import RenderRequest, parse_request

Waiting = tuple[RenderRequest, Any]  # a render and the way back to its client


class TritonPythonModel:
    """One per server process."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the virtual model."""
        parameters = json.loads(args["model_config"])["parameters"]
        self._pipeline = load_virtual(Path(parameters["model_dir"]["string_value"]))
        self._padded = parameters["padded"]["string_value"] == "on"

    def execute(self, requests: list[Any]) -> None:
        """Render all of them; answers go through each request's own sender."""
        waiting = sorted(((_render_of(r), r.get_response_sender()) for r in requests), key=_steps)
        calls = [waiting] if self._padded else [list(alike) for _, alike in groupby(waiting, key=_steps)]
        for call in calls:
            self._call(call)

    def _call(self, waiting: list[Waiting]) -> None:
        states = [self._pipeline.prepare(request, Inputs()) for request, _ in waiting]
        for _ in range(max(state.steps for state in states)):
            # What has its steps behind it goes on being computed for nothing.
            self._pipeline.advance([state if state.passes_left else replace(state) for state in states])
        for state, (_, sender) in zip(states, waiting, strict=True):
            frames = pb_utils.Tensor("FRAMES", self._frames(state)[np.newaxis])
            sender.send(pb_utils.InferenceResponse([frames]), flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)

    def _frames(self, state: VirtualState) -> Any:
        chunks = []
        while state.unit is Unit.DECODE:
            chunks.append(self._pipeline.decode(state))
        return np.concatenate(chunks)


def _steps(waiting: Waiting) -> int:
    return waiting[0].steps


def _render_of(request: Any) -> RenderRequest:
    render = parse_request(bytes(pb_utils.get_input_tensor_by_name(request, "REQUEST").as_numpy().reshape(-1)[0]))
    if not isinstance(render, RenderRequest):
        raise TypeError(f"{type(render).__name__} is not a render")
    return render
