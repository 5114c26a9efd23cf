"""The tenants' file and the pictures of takes, on real files."""

import io
import json
import os
from pathlib import Path

import av
import numpy as np
import pytest
from gateway_fakes import KEYS, digest
from PIL import Image
from pydantic import ValidationError
from storyreel_gateway.adapters.frames import TakePictures
from storyreel_gateway.adapters.tenants_file import TenantsFile
from storyreel_gateway.domain.tenants import Role


def write(path: Path, role: str, stamp: int) -> None:
    tenant = {
        "id": "acme",
        "name": "Acme",
        "api_keys": [{"sha256": digest(KEYS[Role.ADMIN]), "role": role}],
        "signing_secrets": [],
    }
    path.write_text(json.dumps({"tenants": [tenant]}))
    os.utime(path, ns=(stamp, stamp))


def test_keys_rotate_without_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "tenants.json"
    write(path, "admin", 1)
    tenants = TenantsFile(path)
    assert (caller := tenants.now().caller(KEYS[Role.ADMIN])) is not None
    assert caller.role == Role.ADMIN
    write(path, "reviewer", 2)
    assert (caller := tenants.now().caller(KEYS[Role.ADMIN])) is not None
    assert caller.role == Role.REVIEWER


def test_a_broken_edit_of_the_file_keeps_the_last_good_list(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "tenants.json"
    write(path, "admin", 1)
    tenants = TenantsFile(path)
    path.write_text("{")
    assert tenants.now().caller(KEYS[Role.ADMIN]) is not None
    assert "cannot be read" in caplog.text
    path.unlink()
    assert tenants.now().caller(KEYS[Role.ADMIN]) is not None


@pytest.mark.parametrize("text", ["", "{", '{"tenants": [{"id": "a", "api_keys": [{"sha256": "x", "role": "admin"}]}]}'])
def test_a_file_that_is_wrong_from_the_start_stops_the_start(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tenants.json"
    path.write_text(text)
    with pytest.raises(ValidationError):
        TenantsFile(path)


def a_take(frames: int) -> bytes:
    """A lossless take as the renderer makes it; frame i has the grey 20·i."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libx264rgb", rate=24, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 36, "rgb24"
        for i in range(frames):
            picture = np.full((36, 64, 3), 20 * i, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return out.getvalue()


@pytest.mark.parametrize(("frames", "grey"), [(9, 80), (1, 0), (2, 20)])
async def test_the_middle_frame_of_a_lossless_take_is_the_picture(frames: int, grey: int) -> None:
    with Image.open(io.BytesIO(await TakePictures().middle_frame(a_take(frames), 32))) as picture:
        assert picture.size == (32, 18)
        assert abs(picture.convert("L").getpixel((16, 9)) - grey) <= 3  # type: ignore[operator]


async def test_what_is_no_video_is_said_so() -> None:
    with pytest.raises(ValueError, match="decoded"):
        await TakePictures().middle_frame(b"\x00\x00\x00\x18ftypisom", 32)
