"""timeline.otio: the cut as editors' tools read it: takes as clips with handles, dissolves, narration, where all came from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import opentimelineio as otio

from storyreel_assembler.domain.film import Film, Take
from storyreel_assembler.domain.layout import Layout, Placed, pace


@dataclass(frozen=True, slots=True)
class Reel:
    """What a clip points at: the take's address and what is known of it."""

    uri: str
    take: Take
    about: Mapping[str, Any]


def write_timeline(title: str, film: Film, layout: Layout, reels: Mapping[str, Reel]) -> str:
    """The timeline as OTIO JSON, parsed back once before it is given out."""
    timeline = otio.schema.Timeline(name=title or "Storyreel film")
    timeline.global_start_time = otio.opentime.RationalTime(0, film.fps)
    timeline.metadata["storyreel"] = {"aspects": list(film.aspects), "fps": film.fps, "frames": layout.total}
    picture = otio.schema.Track("picture", kind=otio.schema.TrackKind.Video)
    for placed in layout.shots:
        head = placed.span.first - placed.needed.first
        if head:
            picture.append(_dissolve(head, film.fps))
        picture.append(_clip(film, placed, reels))
    timeline.tracks.append(picture)
    if any(shot.narration.strip() for shot in film.shots):
        timeline.tracks.append(_narration(film, layout))
    text = otio.adapters.write_to_string(timeline, "otio_json")
    if otio.adapters.read_from_string(text, "otio_json").duration() != timeline.duration():
        raise ValueError("timeline.otio does not read back as it was written")
    return str(text)


def _range(first: float, frames: float, rate: float) -> otio.opentime.TimeRange:
    return otio.opentime.TimeRange(otio.opentime.RationalTime(first, rate), otio.opentime.RationalTime(frames, rate))


def _dissolve(half: int, fps: int) -> otio.schema.Transition:
    offset = otio.opentime.RationalTime(half, fps)
    kind = otio.schema.Transition.Type.SMPTE_Dissolve
    return otio.schema.Transition(transition_type=kind, in_offset=offset, out_offset=offset)


def _clip(film: Film, placed: Placed, reels: Mapping[str, Reel]) -> otio.schema.Clip:
    """A shot: its source range is where it starts in its take, on the film's rate; a slowed take says so as an effect."""
    shot = film.shots[placed.index]
    reel = reels[shot.shot_id]
    read = pace(placed.needed.frames, film.fps, reel.take.frames, reel.take.fps)
    natural = reel.take.fps / film.fps
    head = placed.span.first - placed.needed.first
    start = (read.offset + head * read.step) / natural
    length = reel.take.frames / natural
    media = otio.schema.ExternalReference(target_url=reel.uri, available_range=_range(0, length, film.fps))
    clip = otio.schema.Clip(shot.shot_id, media, _range(round(start, 3), placed.span.frames, film.fps))
    clip.metadata["storyreel"] = {**reel.about, "caption": shot.caption, "narration": shot.narration}
    if read.stretch != 1.0:
        clip.effects.append(otio.schema.LinearTimeWarp(name="slowed", time_scalar=round(1 / read.stretch, 4)))
    return clip


def _narration(film: Film, layout: Layout) -> otio.schema.Track:
    track = otio.schema.Track("narration", kind=otio.schema.TrackKind.Audio)
    for shot, placed in zip(film.shots, layout.shots, strict=True):
        span = _range(0, placed.span.frames, film.fps)
        if shot.narration.strip():
            missing = otio.schema.MissingReference(name="synthetic voice")
            clip = otio.schema.Clip(f"{shot.shot_id} narration", missing, span)
            clip.metadata["storyreel"] = {"text": shot.narration, "synthetic_voice": True}
            track.append(clip)
        else:
            track.append(otio.schema.Gap(source_range=span))
    return track
