"""Narration in step, music that steps back, loudness as a standard meter sees it."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
from assembler_fakes import a_film
from hypothesis import given
from hypothesis import strategies as st
from storyreel_assembler.adapters.loudness import CONTEXT, Meter, limit, measure
from storyreel_assembler.adapters.music import Bed
from storyreel_assembler.adapters.narration import RATE, narrate, speak
from storyreel_assembler.adapters.soundtrack import build_track, decoded
from storyreel_assembler.domain.film import Shot, Unbuildable, Voice
from storyreel_assembler.domain.layout import lay_out
from storyreel_assembler.domain.sound import DUCK_DB, FASTEST, Line, SoundRecipe, ducking, faster, sound_of

INTERVALS = st.lists(st.tuples(st.floats(0, 100), st.floats(0.05, 5)).map(lambda p: (p[0], p[0] + p[1])), max_size=8)


@given(INTERVALS, st.floats(1, 120))
def test_music_is_down_under_every_word_and_time_never_falls(speech: list[tuple[float, float]], seconds: float) -> None:
    points = ducking(speech, seconds)
    times, gains = zip(*points, strict=True)
    assert all(one <= two for one, two in pairwise(times))
    for start, end in speech:
        for moment in np.linspace(start, end, 7)[1:-1]:
            assert np.interp(moment, times, gains) == pytest.approx(DUCK_DB)


def test_music_is_up_where_nobody_speaks() -> None:
    times, gains = zip(*ducking([(4.0, 5.0)], 12.0), strict=True)
    assert np.interp([0.0, 3.5, 6.0, 12.0], times, gains).tolist() == [0, 0, 0, 0]


def test_narration_starts_with_its_shot_and_may_run_under_the_next() -> None:
    film = a_film(shots=(Shot("s01", 0, 48, narration="One."), Shot("s02", 48, 48), Shot("s03", 96, 48, narration="Three.")))
    one, three = sound_of(film, lay_out(film), "t").lines
    assert (one.start_s, three.start_s) == (0.0, 4.0)
    assert 3.5 < one.room_s < 4.0


def test_a_film_without_narration_has_a_bed_and_no_lines() -> None:
    film = a_film()
    assert sound_of(film, lay_out(film), "t").lines == ()


@given(st.integers(80, 400), st.floats(0.1, 60), st.floats(0.1, 60))
def test_speech_is_hurried_only_as_far_as_it_is_understood(pace: int, spoken: float, room: float) -> None:
    assert pace <= faster(pace, spoken, room) <= round(pace * FASTEST)


def test_our_meter_agrees_with_the_reference_meter() -> None:
    rng = np.random.default_rng(3)
    sound = (rng.standard_normal((RATE * 4, 2)) * np.linspace(0.01, 0.3, RATE * 4)[:, None]).astype(np.float32)
    meter = Meter()
    for at in range(0, len(sound), 7001):
        meter.feed(sound[at : at + 7001])
    assert meter.lufs == pytest.approx(pyloudnorm.Meter(RATE).integrated_loudness(sound.astype(np.float64)), abs=0.1)


def test_the_limiter_holds_its_ceiling_and_its_joins_are_exact() -> None:
    rng = np.random.default_rng(4)
    sound = rng.standard_normal((RATE, 2)).astype(np.float32) * 0.5
    padded = np.pad(sound, ((CONTEXT, CONTEXT), (0, 0)))
    whole = limit(padded, 2.0, 0.5)
    middle = RATE // 2
    halves = [limit(padded[: middle + 2 * CONTEXT], 2.0, 0.5), limit(padded[middle:], 2.0, 0.5)]
    assert np.abs(np.concatenate(halves) - whole).max() < 1e-6
    assert measure([whole])[1] < 20 * np.log10(0.5) + 0.6
    assert measure([sound * 2])[1] > 0


def test_the_bed_is_the_same_however_it_is_cut_and_ends_quietly() -> None:
    one, two = Bed(3.0), Bed(3.0)
    whole = one.next(3 * RATE)[0]
    parts = np.concatenate([two.next(RATE)[0], two.next(2 * RATE)[0]])
    assert np.abs(whole - parts).max() < 1e-5
    assert np.abs(whole[-200:]).max() < 0.02 * np.abs(whole).max()


def test_the_voice_speaks_and_is_hurried_when_there_is_little_room() -> None:
    text = "But you are already on your way, before the first light."
    calm, none = narrate(Line("s01", text, 0, 30), Voice())
    tight, _ = narrate(Line("s01", text, 0, len(calm) / RATE * 0.8), Voice())
    cut, problems = narrate(Line("s01", text, 0, 0.5), Voice())
    assert none == []
    assert len(tight) < len(calm) * 0.85
    assert len(cut) <= RATE // 2 + 1
    assert "longer than its room" in problems[0]


def test_an_unknown_voice_is_named() -> None:
    with pytest.raises(Unbuildable, match=r"narration\.voice.*no-such-voice"):
        speak("Hello.", "no-such-voice", 165)


@pytest.mark.parametrize("lines", [(), (Line("s01", "The city.", 0.0, 2.0), Line("s02", "Is awake.", 2.0, 1.7))])
def test_a_track_has_the_house_loudness_and_starts_its_lines_in_step(lines: tuple[Line, ...], tmp_path: Path) -> None:
    def narrator(line: Line, _: Voice) -> tuple[np.ndarray, list[str]]:
        tone = np.sin(np.arange(RATE) * 2 * np.pi * 440 / RATE) * np.hanning(RATE)
        return tone.astype(np.float32), []

    track = build_track(SoundRecipe(4.0, lines, Voice(), "t"), tmp_path / "t.m4a", narrator)
    sound = np.concatenate(list(decoded(track.path))).astype(np.float64)
    assert pyloudnorm.Meter(RATE).integrated_loudness(sound[: 4 * RATE]) == pytest.approx(-14, abs=0.5)
    assert track.dbtp <= -1.0
    assert np.abs(sound[RATE // 2 : 3 * RATE]).min(axis=1).max() > 0
    assert [start for _, start, _ in track.spoken] == pytest.approx([line.start_s for line in lines], abs=2 / 24)
