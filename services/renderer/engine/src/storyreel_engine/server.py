"""Triton's door (Python backend, decoupled): the only module that knows Triton.

`deploy/triton/storyreel_video/1/model.py` imports `TritonPythonModel` from here. `execute` validates, copies what it
needs, hands over and returns; everything after that happens on the engine's thread.
"""

import hashlib
import json
import logging
import os
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

from storyreel_engine.admission import EngineLimits
from storyreel_engine.engine import Engine
from storyreel_engine.failures import ClientGoneError, InvalidInputError
from storyreel_engine.guard import ServerGuard
from storyreel_engine.loader import load_pipeline
from storyreel_engine.mail import MailThread
from storyreel_engine.memory import budget
from storyreel_engine.ports import Frames, Inputs
from storyreel_engine.settings import EngineSettings, read_settings
from storyreel_engine.thread import EngineThread, end_process
from storyreel_engine.triton_meter import TritonMeter
from storyreel_engine.watch import StopWatch
from storyreel_engine.wire import CancelRequest, DescribeRequest, Event, RenderRequest, parse_request

log = logging.getLogger(__name__)

_SWITCH_SECONDS = 0.0005
"""How long the mail's thread may keep the interpreter from the device's; Python's own 5 ms are a quarter of a short step."""


class TritonSender:
    """`ports.Sender` on a Triton response sender."""

    def __init__(self, response_sender: Any) -> None:
        self._sender = response_sender

    def send(self, event: Event, *, frames: Frames | None = None, checkpoint: bytes | None = None, last: bool = False) -> None:
        """One response: EVENT always, FRAMES or CHECKPOINT where there are some."""
        tensors = [pb_utils.Tensor("EVENT", np.array([event.encode()], dtype=np.object_))]
        if frames is not None:
            tensors.append(pb_utils.Tensor("FRAMES", frames))
        if checkpoint is not None:
            tensors.append(pb_utils.Tensor("CHECKPOINT", np.frombuffer(checkpoint, dtype=np.uint8)))
        flags = pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL if last else 0
        try:
            self._sender.send(pb_utils.InferenceResponse(output_tensors=tensors), flags=flags)
        except pb_utils.TritonModelException as error:
            raise ClientGoneError(str(error)) from error

    def is_cancelled(self) -> bool:
        """True once the client closed its stream or cancelled the call."""
        return bool(self._sender.is_cancelled())


class TritonPythonModel:
    """One per server process: owns the engine and its thread."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the pipeline and start the engine; an exception here makes the model unready with its text."""
        logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
        sys.setswitchinterval(_SWITCH_SECONDS)
        parameters = {k: v["string_value"] for k, v in json.loads(args["model_config"]).get("parameters", {}).items()}
        settings = read_settings(os.environ, parameters)
        pipeline = load_pipeline(settings)
        self._card = pipeline.card
        meter = TritonMeter(self._card.name)
        mail = MailThread(give_up=end_process, errand=lambda: meter.flush(self._engine.live))
        self._engine: Engine[Any] = Engine(pipeline, limits=_limits(settings), meter=meter, mail=mail)
        self._thread = EngineThread(self._engine)
        self._thread.start()
        self._watch = StopWatch(os.getppid(), self._thread.stop)
        self._guard = ServerGuard(os.getppid()) if settings.guard else None
        log.info("%s %s is ready on %s", self._card.name, self._card.version, settings.device)

    def execute(self, requests: list[Any]) -> None:
        """Take every request over; responses come later, through each request's own sender."""
        for request in requests:
            self._take(request)

    def finalize(self) -> None:
        """Called on unload, and on shutdown when no client is left: open jobs end as `device_lost` after a checkpoint."""
        try:
            self._watch.release()
            self._thread.stop()
        finally:
            if self._guard is not None:
                self._guard.release()

    def _take(self, request: Any) -> None:
        sender = TritonSender(request.get_response_sender())
        try:
            self._dispatch(request, sender)
        except InvalidInputError as error:
            sender.send(Event("failed", {"failure": error.kind, "reason": str(error), "device_seconds": 0.0}), last=True)

    def _dispatch(self, request: Any, sender: TritonSender) -> None:
        match parse_request(_bytes(request)):
            case CancelRequest(job_id):
                found = self._engine.cancel(job_id)
                sender.send(Event("acknowledged", {"job_id": job_id, "found": found}), last=True)
            case DescribeRequest():
                sender.send(Event("card", {**self._card.to_json(), "engine": self._engine.describe()}), last=True)
            case RenderRequest() as render:
                picture = _first_frame(request)
                inputs = Inputs(first_frame=picture, checkpoint=_checkpoint(request))
                self._engine.submit(replace(render, first_frame=_digest(picture)), sender, inputs)


def _limits(settings: EngineSettings) -> EngineLimits:
    return EngineLimits(settings.max_jobs, settings.heartbeat_seconds, budget(settings), settings.max_batch)


def _bytes(request: Any) -> bytes:
    values = pb_utils.get_input_tensor_by_name(request, "REQUEST").as_numpy().reshape(-1)
    if len(values) != 1:
        raise InvalidInputError(f"REQUEST: one element is needed, not {len(values)}")
    return bytes(values[0])


def _checkpoint(request: Any) -> bytes | None:
    # Copied: the backend reuses the tensor's memory once `execute` has returned.
    tensor = pb_utils.get_input_tensor_by_name(request, "CHECKPOINT")
    return None if tensor is None else tensor.as_numpy().tobytes() or None


def _first_frame(request: Any) -> Frames | None:
    tensor = pb_utils.get_input_tensor_by_name(request, "FIRST_FRAME")
    if tensor is None or tensor.as_numpy().size == 0:
        return None
    picture: Frames = tensor.as_numpy().copy()
    if picture.ndim != len("hwc") or picture.shape[-1] != len("rgb"):
        raise InvalidInputError(f"first_frame: RGB of shape (height, width, 3) is needed, not {picture.shape}")
    return picture


def _digest(picture: Frames | None) -> str:
    return "" if picture is None else hashlib.sha256(picture.tobytes()).hexdigest()
