"""Words to cues and lines, by the subtitler's rules."""

from dataclasses import replace
from itertools import pairwise

import pytest
from assembler_fakes import a_film
from hypothesis import given
from hypothesis import strategies as st
from storyreel_assembler.adapters.subtitles import write_vtt
from storyreel_assembler.domain.captions import GAP_FRAMES, LINES, Cue, break_lines, cues_of, problems_with
from storyreel_assembler.domain.film import Brand, Film, Shot
from storyreel_assembler.domain.layout import lay_out

TEXTS = st.lists(st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), min_size=1, max_size=14), max_size=30)


def one_shot(text: str, frames: int = 96, **changes: object) -> tuple[Film, tuple[Cue, ...]]:
    film = Film((Shot("s01", 0, frames, caption=text),), **changes)  # type: ignore[arg-type]
    layout = lay_out(film)
    return film, cues_of(film, film.shots[0], layout.shots[0])


@given(TEXTS, st.integers(30, 240))
def test_cues_stay_in_their_shot_keep_their_gap_and_lose_no_word(words: list[str], frames: int) -> None:
    text = " ".join(words)
    _, cues = one_shot(text, frames)
    assert "".join(cue.text for cue in cues).replace(" ", "") == text.replace(" ", "")
    for before, after in pairwise(cues):
        assert after.first - before.end >= GAP_FRAMES
    assert all(0 <= cue.first < cue.end <= frames for cue in cues)


@given(TEXTS, st.sampled_from([30, 42]))
def test_lines_are_few_and_short_when_the_text_fits(words: list[str], width: int) -> None:
    text = " ".join(words)
    lines = break_lines(text, width)
    assert len(lines) <= LINES
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    if len(text) <= width:
        assert lines == [text]


def test_lines_are_broken_evenly() -> None:
    assert break_lines("Light on its feet, quick off the line and made to last.", 42) == [
        "Light on its feet, quick off",
        "the line and made to last.",
    ]


def test_sentences_are_kept_whole_where_they_fit() -> None:
    text = "The city is still asleep. The streets belong to those who rise before the sun does."
    _, cues = one_shot(text, aspects=("16:9", "9:16"))
    assert [cue.text for cue in cues] == [
        "The city is still asleep.",
        "The streets belong to those who rise before the sun does.",
    ]


def test_no_words_stand_in_a_dissolve() -> None:
    film = a_film()
    layout = lay_out(film)
    wordless = [piece.span for piece in layout.pieces if piece.kind == "dissolve"]
    for shot, placed in zip(film.shots, layout.shots, strict=True):
        for cue in cues_of(film, shot, placed):
            assert all(cue.end <= span.first or cue.first >= span.end for span in wordless)


def test_words_that_the_end_card_leaves_no_time_for_stand_on_it_too() -> None:
    brand = Brand("Ember", end_card_s=2.5)
    film = Film((Shot("s01", 0, 72, caption="Ember One. Run easy."),), brand)
    [cue] = cues_of(film, film.shots[0], lay_out(film).shots[0])
    assert (cue.first, cue.end) == (0, 70)
    roomy = Film((Shot("s01", 0, 160, caption="Ember One. Run easy."),), brand)
    [short] = cues_of(roomy, roomy.shots[0], lay_out(roomy).shots[0])
    assert short.end < 100


def test_a_line_is_rather_broken_after_a_sentence() -> None:
    assert break_lines("Ember One. Out on 21 March.", 24) == ["Ember One.", "Out on 21 March."]


def test_captions_of_neighbouring_shots_stand_two_frames_apart() -> None:
    film = replace(a_film(), shots=(Shot("s01", 0, 48, caption="One."), Shot("s02", 48, 48, caption="Two.")))
    layout = lay_out(film)
    [one], [two] = (cues_of(film, shot, placed) for shot, placed in zip(film.shots, layout.shots, strict=True))
    assert two.first - one.end >= GAP_FRAMES


def test_a_caption_that_nobody_can_read_in_time_is_named() -> None:
    _, cues = one_shot("A sentence that is far too long for a second.", 24)
    assert any("characters a second" in problem for problem in problems_with(cues, 24))
    _, calm = one_shot("Short.", 48)
    assert problems_with(calm, 24) == []


def test_a_cue_stands_seven_seconds_at_most() -> None:
    _, [cue] = one_shot("Short.", 24 * 20)
    assert cue.end - cue.first == 7 * 24


def test_webvtt_has_the_same_words_and_times() -> None:
    film, cues = one_shot("Tom & Jerry <3 the morning.", 48, brand=Brand("x"))
    text = write_vtt(film, list(cues))
    assert text.startswith("WEBVTT")
    assert "00:00:00.000 --> 00:00:01.917" in text
    assert "Tom &amp; Jerry &lt;3 the morning." in text


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_nothing_to_say_is_no_cue_and_an_empty_file(text: str) -> None:
    film, cues = one_shot(text)
    assert cues == ()
    assert write_vtt(film, []).strip() == "WEBVTT"


def test_a_word_longer_than_a_line_is_cut_between_letters_not_before_their_marks() -> None:
    word = "e\u0301" * 40
    pieces = break_lines(word, 21, lines=9)
    assert not any(piece.startswith("\u0301") for piece in pieces)
    assert "".join(pieces) == word
