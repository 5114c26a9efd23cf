"""The film's one sound track: narration over a ducked bed, set to -14 LUFS and under -1 dBTP, as AAC.

Works in blocks of one second through a scratch file, so memory does not grow with the film.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from storyreel_assembler.adapters.loudness import CONTEXT, Meter, PeakMeter, limit, measure
from storyreel_assembler.adapters.music import Bed
from storyreel_assembler.adapters.narration import RATE, narrate
from storyreel_assembler.domain.film import Voice
from storyreel_assembler.domain.sound import LOUDNESS_LUFS, PEAK_DBTP, Line, SoundRecipe, ducking

FADE = RATE // 100
BLOCK = RATE
SPEECH_PEAK = 0.5
BIT_RATE = 192_000
CLOSE_LU, PASSES = 0.05, 6
CEILINGS_DB = (-1.8, -2.5, -3.5)
Sound = NDArray[np.float32]
Narrator = Callable[[Line, Voice], tuple[Sound, list[str]]]


@dataclass(frozen=True, slots=True)
class Track:
    """A finished sound track and what was measured on its decoded AAC."""

    path: Path
    lufs: float
    dbtp: float
    spoken: tuple[tuple[str, float, float], ...]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class _Clip:
    shot_id: str
    start: int
    sound: Sound


def build_track(recipe: SoundRecipe, target: Path, narrator: Narrator = narrate) -> Track:
    """Make the track in `target` (AAC in MP4). Raises `Unbuildable` and `VoiceDown` as the narrator does."""
    clips, problems = _clips(recipe, narrator)
    total = round(recipe.seconds * RATE)
    raw = target.with_suffix(".f32")
    _mix(raw, total, clips)
    lufs = dbtp = float("-inf")
    for ceiling in CEILINGS_DB:
        gain = _gain(raw, total, ceiling)
        _encode(_levelled(raw, total, gain, ceiling), target)
        lufs, dbtp = measure(decoded(target))
        if dbtp <= PEAK_DBTP:
            break
    raw.unlink()
    spoken = tuple((c.shot_id, c.start / RATE, (c.start + len(c.sound)) / RATE) for c in clips)
    return Track(target, lufs, dbtp, spoken, tuple(problems))


def _clips(recipe: SoundRecipe, narrator: Narrator) -> tuple[list[_Clip], list[str]]:
    clips, problems = [], []
    for line in recipe.lines:
        sound, wrong = narrator(line, recipe.voice)
        problems += wrong
        if not len(sound):
            problems.append(f"narration of {line.shot_id} has no sound in this voice")
            continue
        faded = sound * np.float32(SPEECH_PEAK / max(float(np.abs(sound).max()), 1e-6))
        edge = min(FADE, len(faded) // 2)
        ramp = np.linspace(0, 1, edge, dtype=np.float32)
        faded[:edge] *= ramp
        faded[len(faded) - edge :] *= ramp[::-1]
        clips.append(_Clip(line.shot_id, round(line.start_s * RATE), faded))
    return clips, problems


def _mix(raw: Path, total: int, clips: list[_Clip]) -> None:
    seconds = total / RATE
    bed = Bed(seconds)
    points = ducking([(c.start / RATE, (c.start + len(c.sound)) / RATE) for c in clips], seconds)
    times, gains = zip(*points, strict=True)
    with raw.open("wb") as file:
        for at in range(0, total, BLOCK):
            count = min(BLOCK, total - at)
            music, tone = bed.next(count)
            duck = 10 ** (np.interp((at + np.arange(count)) / RATE, times, gains) / 20)
            block = music * duck[:, None].astype(np.float32) + tone
            for clip in clips:
                _add(block, at, clip)
            edge = np.minimum(at + np.arange(count), total - 1 - at - np.arange(count)) / FADE
            file.write((block * np.clip(edge, 0, 1)[:, None]).astype("<f4").tobytes())


def _add(block: Sound, at: int, clip: _Clip) -> None:
    first, end = max(at, clip.start), min(at + len(block), clip.start + len(clip.sound))
    if first < end:
        block[first - at : end - at] += clip.sound[first - clip.start : end - clip.start, None]


def _levelled(raw: Path, total: int, gain: float, ceiling_db: float) -> Iterator[Sound]:
    """The mix at its level, block by block; each block is read with what stands around it."""
    ceiling = 10 ** (ceiling_db / 20)
    with raw.open("rb") as file:
        for at in range(0, total, BLOCK):
            first, end = at - CONTEXT, min(at + BLOCK, total) + CONTEXT
            file.seek(max(first, 0) * 8)
            body = np.frombuffer(file.read((min(end, total) - max(first, 0)) * 8), dtype="<f4").reshape(-1, 2)
            padded = np.pad(body, ((max(-first, 0), max(end - total, 0)), (0, 0)))
            yield limit(padded, gain, ceiling)


def _gain(raw: Path, total: int, ceiling_db: float) -> float:
    """The gain at which the limited mix has the wanted loudness, found by a few measured steps."""
    gain = 1.0
    for _ in range(PASSES):
        meter = Meter()
        for block in _levelled(raw, total, gain, ceiling_db):
            meter.feed(block)
        if not np.isfinite(meter.lufs) or abs(LOUDNESS_LUFS - meter.lufs) < CLOSE_LU:
            break
        gain *= 10 ** ((LOUDNESS_LUFS - meter.lufs) / 20)
    return gain


def _encode(blocks: Iterator[Sound], target: Path) -> None:
    with av.open(str(target), "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("aac", rate=RATE, layout="stereo")
        stream.bit_rate = BIT_RATE
        stream.codec_context.options = {"flags": "+bitexact"}
        at = 0
        for block in blocks:
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block.T), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
            at += len(block)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def decoded(path: Path) -> Iterator[Sound]:
    """The sound of a file as a player hears it, `n x 2`, in the decoder's own small blocks joined to about a second."""
    held: list[Sound] = []
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            held.append(np.asarray(frame.to_ndarray(), dtype=np.float32).T)
            if len(held) >= RATE // 1024:
                yield np.concatenate(held)
                held = []
    if held:
        yield np.concatenate(held)


__all__ = ["PeakMeter", "Track", "build_track", "decoded"]
