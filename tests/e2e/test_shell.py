"""A brief sent with kcat and signed with openssl, by the script that the README shows, becomes a film."""

import asyncio
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from storyreel_local.testing import unavailable
from studio import ROOT, Studio, demo_brief, ends

pytestmark = pytest.mark.connected


async def test_a_brief_from_kcat_and_openssl_becomes_a_film(studio: Studio, tmp_path: Path) -> None:
    for tool in ("kcat", "openssl"):
        if shutil.which(tool) is None:
            unavailable(tool, f"there is no {tool} command")
    brief, stack = tmp_path / "brief.json", tmp_path / "stack.json"
    brief.write_text(json.dumps(demo_brief(tier="preview")))
    stack.write_text(json.dumps(studio.endpoints))
    sent = await asyncio.to_thread(
        subprocess.run,
        [ROOT / "examples/kcat/send-brief.sh", brief],
        env={**os.environ, "STORYREEL_STACK": str(stack)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert sent.returncode == 0, sent.stderr
    (end,) = ends(await studio.ended(sent.stdout.strip()))
    assert end.type == "film.published.v1", end.data
