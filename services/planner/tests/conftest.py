"""Makes `planner_fakes`, `planner_model_server` and `planner_rig` importable; their names are unique among all rooms."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
