"""Makes the bench's package importable, and the engine's pure modules: the services' environment has neither installed."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[4] / "services/renderer/engine/src")]
