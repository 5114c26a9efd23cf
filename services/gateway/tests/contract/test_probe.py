"""The sandboxed child on real files: good ones pass, hostile ones are refused with a reason, and the walls are really there."""

import sys

import pytest
from media_files import a_png, a_text, a_wav, a_wide_png, an_mp4
from storyreel_gateway.adapters.probing import ChildProber
from storyreel_gateway.domain.media import Limits, Probed

SMALL = Limits(memory_bytes=400 * 2**20, cpu_s=2, wall_s=5)
WALLS = """
import json, os, socket, sys
from storyreel_gateway.adapters import probe_child
probe_child.confine(json.loads(sys.argv[1]))
def tried(what):
    try:
        what()
    except BaseException as error:
        return type(error).__name__
    return "done"
def connect():
    socket.create_connection(("127.0.0.1", int(sys.argv[2])), timeout=1).close()
def grow():
    bytearray(600 * 2**20)
def write():
    with open("/tmp/storyreel-probe-escape", "wb") as file: file.write(b"x")
def fork():
    if os.fork() == 0: os._exit(0)
print(json.dumps({"connect": tried(connect), "grow": tried(grow), "write": tried(write), "fork": tried(fork)}))
"""


async def probe(data: bytes, limits: Limits | None = None) -> Probed:
    return await ChildProber().probe(data, limits or Limits())


@pytest.mark.parametrize(
    ("data", "kind", "media_type"),
    [(a_png(), "image", "image/png"), (a_wav(), "audio", "audio/wav"), (an_mp4(), "video", "video/mp4")],
    ids=["png", "wav", "mp4"],
)
async def test_a_good_file_passes_with_what_it_is(data: bytes, kind: str, media_type: str) -> None:
    media = (await probe(data)).media
    assert media is not None
    assert (media.kind, media.media_type) == (kind, media_type)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (a_wide_png(), "20000×20000"),
        (a_text(), "text file"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "playlist"),
        (b"ffconcat version 1.0\nfile '/etc/passwd'\n", "playlist"),
        (b"\xef\xbb\xbf#EXTM3U\n", "playlist"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "markup"),
        (a_png()[:45], "damaged"),
        (b"\x00\x00\x00\x18ftypisom" + bytes(200), "damaged"),
        (b"RIFF" + bytes(100), "type"),
        (b"", "empty"),
    ],
    ids=["bomb", "text", "m3u8", "concat", "m3u8 with mark", "svg", "torn png", "hollow mp4", "riff", "empty"],
)
async def test_a_hostile_file_is_refused_with_a_reason(data: bytes, word: str) -> None:
    probed = await probe(data)
    assert probed.media is None
    assert word in probed.reason


async def test_a_file_above_the_limit_is_refused_before_any_child_starts() -> None:
    probed = await ChildProber(command=("no-such-command",)).probe(bytes(2_000_000), Limits(bytes=1_000_000))
    assert "MiB" in probed.reason


async def test_a_sound_that_lasts_too_long_is_refused() -> None:
    assert "lasts" in (await probe(a_wav(3), Limits(duration_s=1))).reason


async def test_a_child_that_hangs_is_killed_and_the_file_refused() -> None:
    hang = ChildProber(command=(sys.executable, "-c", "import signal; signal.pause()"))
    assert "longer than" in (await hang.probe(b"x", Limits(wall_s=0.3))).reason


async def test_a_child_that_burns_its_time_is_stopped_by_the_kernel() -> None:
    burn = "import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True: pass"
    prober = ChildProber(command=(sys.executable, "-c", burn))
    assert "processor time" in (await prober.probe(b"x", Limits(wall_s=20))).reason


async def test_a_child_that_dies_or_talks_nonsense_means_refusal() -> None:
    for program in ("import os; os.abort()", "print('nonsense')"):
        assert "hostile" in (await ChildProber(command=(sys.executable, "-c", program)).probe(b"x", Limits())).reason


async def test_the_child_cannot_connect_grow_write_or_fork(tmp_path: object) -> None:
    found = await _walls()
    assert found["grow"] == "MemoryError"
    assert found["write"] in {"PermissionError", "OSError"}
    assert found["fork"] != "done"
    isolation = (await probe(a_png())).isolation
    assert (found["connect"] != "done") == isolation["network"].startswith("none")


async def _walls() -> dict[str, str]:
    import asyncio
    import json

    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", WALLS, SMALL.model_dump_json(), str(port), stdout=asyncio.subprocess.PIPE
        )
        out, _ = await child.communicate()
    found: dict[str, str] = json.loads(out)
    return found


async def test_the_real_child_locks_itself_in_before_it_reads() -> None:
    """The same picture passes with memory and is refused without: the limit of the running child did it."""
    picture = a_png(6000, 6000)
    assert (await probe(picture)).media is not None
    small = await probe(picture, Limits(memory_bytes=150 * 2**20))
    assert small.media is None
    assert "memory" in small.reason
