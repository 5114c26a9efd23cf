"""The bed under the film: a slow warm pad, a few soft notes, room tone. Made from nothing, the same every time.

The harmony is counted from the end, so that the last bar is always home, whatever the film's length.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

RATE = 48_000
BAR_S = 3.0
CROSSFADE_S = 1.2
FINAL_FADE_S = 1.6
ROOM_TONE = 0.0006
# From the last bar backwards: home, its dominant's friend, the relative minor, the subdominant (Hz, equal temperament).
CHORDS = (
    (130.81, 196.00, 246.94, 329.63),
    (146.83, 196.00, 261.63, 293.66),
    (110.00, 164.81, 261.63, 329.63),
    (87.31, 174.61, 261.63, 329.63),
)
PARTIALS = ((1.0, 1.0), (2.0, 0.28), (3.0, 0.09))
Stereo = NDArray[np.float32]


class Bed:
    """The bed of one film, given block by block in order. Memory does not depend on its length."""

    def __init__(self, seconds: float, seed: int = 20) -> None:
        self._total = round(seconds * RATE)
        self._at = 0
        self._noise = np.random.default_rng(seed)
        self._state = np.zeros((1, 2))

    def next(self, count: int) -> tuple[Stereo, Stereo]:
        """Music and room tone of the next `count` samples, each `count x 2`, music's peak about 0.3."""
        left = (self._total - self._at - np.arange(count)) / RATE
        time = (self._at + np.arange(count)) / RATE
        self._at += count
        music = _pad(left, time) + _notes(left, time)
        music *= np.clip(np.minimum(time / 0.6, left / FINAL_FADE_S), 0, 1)[:, None] ** 1.5
        white = self._noise.standard_normal((count, 2))
        tone, self._state = lfilter([0.2], [1.0, -0.8], white, axis=0, zi=self._state)
        return music.astype(np.float32), (tone * ROOM_TONE).astype(np.float32)


def _pad(left: NDArray[np.float64], time: NDArray[np.float64]) -> NDArray[np.float64]:
    """Chords that melt into one another, slightly apart on both sides."""
    sound = np.zeros((len(time), 2))
    bars = left / BAR_S
    for bar in range(max(int(bars.min()) - 1, 0), int(bars.max()) + 2):
        middle = (bar + 0.5) * BAR_S
        reach = (BAR_S + CROSSFADE_S) / 2 - np.abs(left - middle)
        weight = np.sin(np.clip(reach / CROSSFADE_S, 0, 1) * np.pi / 2) ** 2
        if not weight.any():
            continue
        for note in CHORDS[bar % len(CHORDS)]:
            for side, detune in enumerate((0.9985, 1.0015)):
                sound[:, side] += weight * _voice(note * detune, time)
    return sound * 0.035


def _voice(frequency: float, time: NDArray[np.float64]) -> NDArray[np.float64]:
    breath = 1 + 0.15 * np.sin(2 * np.pi * 0.13 * time + frequency)
    tones = [level * np.sin(2 * np.pi * frequency * multiple * time) for multiple, level in PARTIALS]
    return np.asarray(sum(tones) * breath)


def _notes(left: NDArray[np.float64], time: NDArray[np.float64]) -> NDArray[np.float64]:
    """One soft note each half second, wandering through the chord an octave up."""
    sound = np.zeros((len(time), 2))
    beat = BAR_S / 6
    for step in range(max(int(left.min() / beat) - 2, 0), int(left.max() / beat) + 4):
        since = (step + 1) * beat - left  # seconds since this note was struck
        heard = (since >= 0) & (since < 4 * beat)
        if not heard.any():
            continue
        chord = CHORDS[int(((step + 1) * beat - 1e-9) / BAR_S) % len(CHORDS)]
        frequency = chord[1 + (step * 2) % 3] * 2
        struck = np.where(heard, np.exp(-2.2 * np.clip(since, 0, None)) * np.clip(since / 0.012, 0, 1), 0.0)
        tail = np.clip((4 * beat - since) / 0.3, 0, 1)
        tone = struck * tail * np.sin(2 * np.pi * frequency * np.clip(since, 0, None))
        lean = 0.5 + 0.3 * np.sin(step)
        sound[:, 0] += tone * lean
        sound[:, 1] += tone * (1 - lean)
    return sound * 0.07
