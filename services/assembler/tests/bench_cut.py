"""One cut of a given length, measured in a process of its own. Called by the bench: `python bench_cut.py SECONDS`.

Prints one JSON object: `seconds`, `frames`, `cut_s`, `peak_rss_bytes` (this process and, apart, its largest worker),
`copy_cpu_s` (joining the segments by packet copy) and `reencode_cpu_s` (decoding and encoding the same film again), both in
CPU time of all threads of this process, which other work on the machine does not stretch.
"""

import asyncio
import json
import os
import resource
import shutil
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import av
from fakes import Words, a_cut, a_plan
from storyreel_assembler.adapters.cutting import Room
from storyreel_assembler.adapters.reel import join
from storyreel_assembler.adapters.workshop import Workshop
from storyreel_assembler.domain.work import Assemble, Cut
from storyreel_chassis.artifacts import MemoryArtifactStore, digest_of
from storyreel_contracts import ArtifactRef, Tier

SHOT_FRAMES = 72


class FolderStore(MemoryArtifactStore):
    """The store's twin with its artifacts on disk, so that they do not count as the assembler's memory."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    async def put_file(self, path: Path, media_type: str) -> ArtifactRef:
        digest = digest_of(path)
        shutil.copyfile(path, self._folder / digest)
        size = os.stat(path).st_size
        return ArtifactRef(uri=f"s3://bench/{digest}", sha256=digest, size=size, media_type=media_type)

    async def fetch(self, ref: ArtifactRef, path: Path) -> None:
        shutil.copyfile(self._folder / ref.sha256, path)

    def path(self, ref: ArtifactRef) -> Path:
        return self._folder / ref.sha256


async def measure(seconds: int, folder: Path) -> dict[str, float]:
    """Cut a film of `seconds` at preview size and time the two ways of joining it."""
    store = FolderStore(folder)
    plan = a_plan(tuple(Words(SHOT_FRAMES, f"Shot {n}.") for n in range(seconds * 24 // SHOT_FRAMES)))
    request = await a_cut(store, folder, plan, tier=Tier.PREVIEW)

    async def wanted() -> bool:
        return True

    began = time.perf_counter()
    async with Workshop(2) as shop:
        cut = await Room(store, shop, folder).cut(Assemble(tenant_id="acme", film_id="bench", plan=plan, cut=request), wanted)
    assert isinstance(cut, Cut)
    cut_s = time.perf_counter() - began
    peak = {name: resource.getrusage(who).ru_maxrss * 1024 for name, who in WHO.items()}
    began = time.process_time()
    joined = join([store.path(s.artifact) for s in cut.segments], None, folder / "copy.mp4", 24)
    copied = time.process_time()
    reencode(joined.path, folder / "again.mp4")
    joins = {"copy_cpu_s": copied - began, "reencode_cpu_s": time.process_time() - copied}
    return {"seconds": seconds, "frames": joined.frames, "cut_s": cut_s, **peak, **joins}


WHO = {"peak_rss_bytes": resource.RUSAGE_SELF, "worker_peak_rss_bytes": resource.RUSAGE_CHILDREN}


def reencode(source: Path, target: Path) -> None:
    """What joining would cost without packet copy."""
    with av.open(str(source)) as film, av.open(str(target), "w") as out:
        stream = out.add_stream("libx264", rate=24)
        stream.width, stream.height = film.streams.video[0].width, film.streams.video[0].height
        stream.codec_context.options = {"preset": "veryfast", "crf": "18"}
        for frame in film.decode(video=0):
            frame.pict_type = 0
            out.mux(stream.encode(frame))
        out.mux(stream.encode())


if __name__ == "__main__":
    with TemporaryDirectory() as scratch:
        print(json.dumps(asyncio.run(measure(int(sys.argv[1]), Path(scratch)))))
