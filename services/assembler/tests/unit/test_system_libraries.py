"""Python is the only thing the room needs on a machine: whatever native code runs came in a wheel.

A machine with a desktop has libraries that a slim image lacks, so a test that only draws would pass there. These look
at what the process has loaded.
"""

import subprocess
import sys
from pathlib import Path

import pytest

MAPS = Path("/proc/self/maps")
pytestmark = pytest.mark.skipif(not MAPS.exists(), reason="the loaded libraries are read from /proc")

# Reported: what is mapped, is no part of a wheel, was not there with Python's own modules and is none of the C and
# C++ run time and zlib, on which every Linux wheel may count (PEP 600).
WATCH = """
import sys
import ctypes, decimal, hashlib, ssl, uuid, xml.parsers.expat, zipfile
from pathlib import Path

def loaded():
    lines = Path("/proc/self/maps").read_text().splitlines()
    return {Path(line.split(maxsplit=5)[5]) for line in lines if ".so" in line}

before = loaded()
WORK
runtime = ("ld-linux", "ld-musl", "libc.", "libm.", "libmvec.", "libdl.", "librt.", "libpthread.", "libutil.", "libresolv.",
           "libnss", "libgcc_s.", "libstdc++.", "libatomic.", "libz.")
wheels = {"site-packages", "dist-packages", "lib-dynload"}
for path in sorted(loaded() - before):
    if not wheels & set(path.parts) and not path.name.startswith(runtime):
        print(path)
"""

ROOM = """
import storyreel_assembler.app
from storyreel_assembler.adapters import captions, voice_child
from storyreel_assembler.domain.film import Size

style = captions.CaptionStyle(Size(1280, 720), "#e63946", 42, rtl=True, subject=None)
box = captions.caption("السرعة שלום रफ़्तार Aero 🔥", style)
assert box.alpha.max() == 1
assert voice_child.speak("Aero One", "en", 160, sys.argv[1]) == 0
"""


def strangers(work: str, argument: str) -> list[str]:
    """The libraries of the machine that a child process loads while it does `work`."""
    command = [sys.executable, "-c", WATCH.replace("WORK", work), argument]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_captions_voice_and_signing_load_no_library_of_the_machine(tmp_path: Path) -> None:
    assert strangers(ROOM, str(tmp_path / "line.wav")) == []


def test_a_library_of_the_machine_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "libfribidi.so.0"
    path.write_bytes(bytes(4096))
    mapped = "import mmap; file = open(sys.argv[1], 'rb'); held = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)"
    assert strangers(mapped, str(path)) == [str(path)]
