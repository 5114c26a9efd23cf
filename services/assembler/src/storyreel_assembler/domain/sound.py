"""What is heard when: narration in step with its shots, how fast it must be spoken, how far the music steps back."""

from dataclasses import dataclass

from storyreel_assembler.domain.film import Film, Voice
from storyreel_assembler.domain.keys import key_of
from storyreel_assembler.domain.layout import Layout

LOUDNESS_LUFS = -14.0
PEAK_DBTP = -1.0
BREATH_S = 0.15
TAIL_S = 0.25
FASTEST = 1.45  # times the voice's own pace; beyond that speech is not understood
DUCK_DB = -13.0
ATTACK_S, RELEASE_S = 0.18, 0.45


@dataclass(frozen=True, slots=True)
class Line:
    """A line of narration: it starts at `start_s` of the film and has `room_s` before the next one or the end."""

    shot_id: str
    text: str
    start_s: float
    room_s: float


@dataclass(frozen=True, slots=True)
class SoundRecipe:
    """Every input of the sound track."""

    seconds: float
    lines: tuple[Line, ...]
    voice: Voice
    toolchain: str
    recipe: int = 1

    @property
    def key(self) -> str:
        """Build key (64 hexadecimal digits)."""
        return key_of("sound", self)


def sound_of(film: Film, layout: Layout, toolchain: str) -> SoundRecipe:
    """The film's sound: each shot's narration from its first frame; a line may run on under the next shot (an L-cut)."""
    seconds = layout.total / film.fps
    spoken = [(shot, placed.span.first / film.fps) for shot, placed in zip(film.shots, layout.shots, strict=True)]
    spoken = [(shot, start) for shot, start in spoken if shot.narration.strip()]
    ends = [start - BREATH_S for _, start in spoken[1:]] + [seconds - TAIL_S]
    if not spoken:
        return SoundRecipe(round(seconds, 6), (), film.voice, toolchain)
    lines = [
        Line(shot.shot_id, " ".join(shot.narration.split()), round(start, 6), round(max(end - start, 0.1), 6))
        for (shot, start), end in zip(spoken, ends, strict=True)
    ]
    return SoundRecipe(round(seconds, 6), tuple(lines), film.voice, toolchain)


def faster(words_per_minute: int, spoken_s: float, room_s: float) -> int:
    """The pace at which a line that took `spoken_s` fits `room_s`; never beyond what can be understood."""
    wanted = words_per_minute * spoken_s / room_s * 1.03
    return round(min(max(wanted, words_per_minute), words_per_minute * FASTEST))


def ducking(speech: list[tuple[float, float]], seconds: float) -> list[tuple[float, float]]:
    """Breakpoints `(time in s, gain in dB)` of the music under speech intervals; time never falls.

    It is down before the first syllable, stays down over short pauses, and comes up slower than it went.
    """
    joined: list[tuple[float, float]] = []
    for start, end in sorted(speech):
        if joined and start - joined[-1][1] < ATTACK_S + RELEASE_S:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    points = [(0.0, 0.0)]
    for start, end in joined:
        if start - ATTACK_S > points[-1][0]:
            points.append((start - ATTACK_S, 0.0))
        elif len(points) == 1:
            points = [(0.0, DUCK_DB)]
        points += [(max(start, points[-1][0]), DUCK_DB), (end, DUCK_DB), (end + RELEASE_S, 0.0)]
    return [*points, (max(seconds, points[-1][0]), points[-1][1])]
