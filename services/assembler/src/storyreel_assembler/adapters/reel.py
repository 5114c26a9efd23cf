"""The film out of its segments: packets copied, never decoded, one sound track, the index at the front.

Memory does not grow with the film: one packet of each stream is held at a time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
from av.packet import Packet as AvPacket

if TYPE_CHECKING:
    Packet = AvPacket[Any]
else:
    Packet = AvPacket  # generic for the type checker only
TICKS = 512  # of the container's clock per frame


class Mismatch(ValueError):  # noqa: N818 - what was found
    """Segments whose parameter sets differ cannot be joined without decoding."""


@dataclass(frozen=True, slots=True)
class Joined:
    """What was written."""

    path: Path
    frames: int


def join(segments: Sequence[Path], sound: Path | None, target: Path, fps: int) -> Joined:
    """Join segments in order and add the sound track (an AAC file), copying packets. Raises `Mismatch`."""
    with av.open(str(segments[0])) as first:
        template = first.streams.video[0]
        delay = 2 if template.codec_context.has_b_frames else 0
        with av.open(str(target), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}) as out:
            picture = out.add_stream_from_template(template)
            picture.time_base = Fraction(1, fps * TICKS)
            clock = _Clock(fps, delay)
            packets = _video(segments, clock, bytes(template.codec_context.extradata or b""))
            if sound is None:
                _write(out, picture, packets)
            else:
                with av.open(str(sound)) as track:
                    audio = out.add_stream_from_template(track.streams.audio[0])
                    _interleave(out, (picture, packets), (audio, _audio(track, clock)))
    return Joined(target, clock.frames)


@dataclass(slots=True)
class _Clock:
    """Counts frames over all segments; decode times run evenly, `delay` frames before the display times."""

    fps: int
    delay: int
    frames: int = 0
    base: int = 0
    done: bool = False

    @property
    def seconds(self) -> Fraction:
        """Length of what was stamped so far."""
        return Fraction(self.frames, self.fps)

    @property
    def time_base(self) -> Fraction:
        return Fraction(1, self.fps * TICKS)

    def stamp(self, packet: Packet) -> None:
        """Put a packet on the film's clock."""
        index = round(_shown(packet) * self.fps)
        packet.time_base = self.time_base
        packet.pts = (self.base + index) * TICKS
        packet.dts = (self.frames - self.delay) * TICKS
        packet.duration = TICKS
        self.frames += 1


def _video(segments: Sequence[Path], clock: _Clock, extradata: bytes) -> Iterator[Packet]:
    for path in segments:
        clock.base = clock.frames
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            if bytes(stream.codec_context.extradata or b"") != extradata:
                raise Mismatch(f"{path.name}: its parameter sets differ from the first segment's")
            for packet in container.demux(stream):
                if packet.size:
                    clock.stamp(packet)
                    yield packet
    clock.done = True


def _audio(track: av.container.InputContainer, clock: _Clock) -> Iterator[Packet]:
    """The sound's packets, up to the end of the picture; the encoder's padding after it is left out."""
    for packet in track.demux(track.streams.audio[0]):
        if packet.size and (not clock.done or _shown(packet) < clock.seconds):
            yield packet


def _write(out: av.container.OutputContainer, stream: av.VideoStream, packets: Iterator[Packet]) -> None:
    for packet in packets:
        packet.stream = stream
        out.mux_one(packet)


def _interleave(
    out: av.container.OutputContainer,
    video: tuple[av.VideoStream, Iterator[Packet]],
    audio: tuple[av.AudioStream, Iterator[Packet]],
) -> None:
    """Write the two in the order of their times, so that the muxer need not hold either back."""
    lanes = (video, audio)
    waiting = [next(packets, None) for _, packets in lanes]
    while ready := [(_due(packet), lane) for lane, packet in enumerate(waiting) if packet is not None]:
        lane = min(ready)[1]
        packet = waiting[lane]
        if packet is not None:
            packet.stream = lanes[lane][0]
            out.mux_one(packet)
        waiting[lane] = next(lanes[lane][1], None)


def _shown(packet: Packet) -> Fraction:
    """When it is shown, in seconds."""
    return Fraction(packet.pts or 0) * packet.time_base


def _due(packet: Packet) -> Fraction:
    """When it must be decoded, in seconds."""
    return Fraction(packet.pts or 0 if packet.dts is None else packet.dts) * packet.time_base
