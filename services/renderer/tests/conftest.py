"""Fixtures of the renderer's tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
# Behind the environment's own packages: the services' one has no engine, and what makes virtual models needs nothing of it.
sys.path.append(str(Path(__file__).parents[1] / "engine/src"))
