"""Triton's door to the step engine; everything else is in the package, so that it can be tested without Triton."""

from storyreel_engine.server import TritonPythonModel

__all__ = ["TritonPythonModel"]
