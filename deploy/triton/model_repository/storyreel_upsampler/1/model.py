"""Triton's door to the upsampler; everything else is in the package, so that it can be tested without Triton."""

from storyreel_engine.upsampler_server import TritonPythonModel

__all__ = ["TritonPythonModel"]
