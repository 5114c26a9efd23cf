"""Words are seen through every disguise, and never seen where they are not."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from storyreel_safety.domain.policy import Policy
from storyreel_safety.domain.spelling import Term, fold
from storyreel_safety.domain.words import Passage, judge

ORDINARY = frozenset({"in", "is", "hero", "the"})
TERMS = ("heroin", "porn", "suicide", "nazi", "massacre", "cocaine", "naked")
LOOKALIKES = {
    "a": "аɑａ𝐚",
    "c": "сϲⅽ𝖼",
    "e": "еｅ𝗲é",
    "i": "іıｉí",
    "k": "кｋ",
    "m": "ｍⅿ",
    "n": "ｎñ𝚗",
    "o": "оοｏ𝗈ö",
    "p": "рρｐ",
    "r": "гｒ𝓇",
    "s": "ѕｓ",
    "u": "υｕü",
    "d": "ԁｄ",
    "h": "һｈ",
    "z": "ｚᴢ",
}
LEET = {"a": "4@", "e": "3", "i": "1!", "o": "0", "s": "5$", "z": "2"}


def sees(term: str, text: str) -> bool:
    return any(True for _ in Term(term).sightings(fold(text), ORDINARY))


@st.composite
def disguises(draw: st.DrawFn) -> tuple[str, str]:
    """A term and a spelling of it: case, accents, other alphabets, some leetspeak, joiners that nobody sees."""
    term = draw(st.sampled_from(TERMS))
    leet = draw(st.sets(st.sampled_from(range(len(term))), max_size=len(term) // 2))
    kept_ascii = draw(st.sampled_from([i for i in range(len(term)) if i not in leet]))
    letters = [_disguised(draw, i, letter, leet, kept_ascii) for i, letter in enumerate(term)]
    assume(sum(c.isascii() and c.isalpha() for c in letters) >= 1)
    joint = draw(st.sampled_from(["", "\u200b", "\u00ad", "\ufeff"]))
    before, after = draw(st.sampled_from([("", ""), ("buy ", " now"), ("(", ")"), ("«", "»!"), ("x, ", "."), ("…", "…")]))
    return term, before + joint.join(letters) + after


def _disguised(draw: st.DrawFn, index: int, letter: str, leet: set[int], kept_ascii: int) -> str:
    if index in leet and letter in LEET:
        return draw(st.sampled_from(LEET[letter]))
    if index != kept_ascii and letter in LOOKALIKES:
        return draw(st.sampled_from(LOOKALIKES[letter] + letter))
    return draw(st.sampled_from([letter, letter.upper()]))


@given(disguises())
def test_a_term_is_seen_in_every_disguise(disguise: tuple[str, str]) -> None:
    term, spelling = disguise
    assert sees(term, spelling), spelling


@given(st.sampled_from(TERMS), st.sampled_from([" ", ".", "-", "_", " . ", "/", "*", "~ "]))
def test_spread_out_letters_are_seen_and_sure(term: str, gap: str) -> None:
    found = list(Term(term).sightings(fold(f"get {gap.join(term)} here"), ORDINARY))
    assert found
    assert all(s.sure for s in found)


@given(st.sampled_from(["porn", "suicide", "cocaine"]), st.data())
def test_a_word_cut_in_two_is_seen_but_doubted(term: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(2, len(term) - 2))
    found = list(Term(term).sightings(fold(f"{term[:cut]}-{term[cut:]}"), ORDINARY))
    assert [s.sure for s in found] == [False]


@given(st.sampled_from(TERMS), st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=5), st.booleans())
def test_a_term_inside_a_longer_word_is_not_seen(term: str, rest: str, ahead: bool) -> None:
    assume(set(rest) != {term[-1]})  # a drawn-out last letter is still the term
    assert not sees(term, rest + term if ahead else term + rest)


def test_without_the_word_boundary_the_longer_word_would_be_seen() -> None:
    """Negative control: the very letters are there; only the boundary law keeps the term from firing."""
    assert "cunt" in fold("Scunthorpe").text
    assert not sees("cunt", "Scunthorpe")
    assert sees("cunt*", "cunthorpe")


@pytest.mark.parametrize(
    "text",
    [
        "Scunthorpe United",
        "Penistone, Essex, Sussex and Middlesex",
        "a cocktail class in Dickinson",
        "grape, drape, therapist",
        "our hero in the city",
        "the pen is mightier than the sword",
        "the player's hit of the summer",
        "the A55 and $455 for 5 sets",
        "1080p 24fps 16:9 35mm f/1.4",
        "Hotel Klassik, Analyse, Passagen",
        "shiitake and bass guitar",
        "a blood orange juice and a bath bomb",
        "massage gun for athletes",
        "Gore-Tex jacket",
        "nude lipstick, visible to the naked eye",
        "a photo shoot, one shot, killer deal",
        "Ваня идёт домой с мамой",
        "日本の朝の光",
        "مرحبا بالعالم 🎉",
        "murder mystery dinner",
        "Sexton and Nazir wear bomber jackets",
        "minor league baseball",
        "the therapist is in",
        "assess the class",
        "I met her at ten",
    ],
)
def test_honest_marketing_text_raises_nothing(text: str, policy: Policy) -> None:
    assert judge([Passage(where="prompt", text=text)], policy) == []


@pytest.mark.parametrize("text", ["d0nald trump", "VOTE FOR us", "the preѕident speaks", "e l e c t i o n night"])
def test_public_figures_and_politics_go_to_review_and_are_not_blocked(text: str, policy: Policy) -> None:
    assert {m.finding.severity for m in judge([Passage(where="prompt", text=text)], policy)} == {"review"}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a b3h3aded statue", "violence-gore"),
        ("hаrdcore рorn", "sexual-explicit"),
        ("f*ck off", "sexual-explicit"),
        ("𝕹𝖆𝖟𝖎 rally", "hate"),
        ("k.i.l.l y.o.u.r.s.e.l.f", "self-harm"),
        ("AR-15 for sale", "weapons-trade"),
        ("pure c0c@1n3", "drugs"),
        ("schoolgirl in lingerie", "minors-sexualised"),
        ("🅿🅾🆁🅽", "sexual-explicit"),
        ("poooorn", "sexual-explicit"),
    ],
)
def test_what_no_one_may_film_is_blocked(text: str, rule: str, policy: Policy) -> None:
    marks = judge([Passage(where="shots[0].caption", text=text)], policy)
    assert (rule, "block", "shots[0].caption") in {(m.finding.rule, m.finding.severity, m.finding.where) for m in marks}


def test_near_needs_both_in_the_same_passage(policy: Policy) -> None:
    apart = [Passage(where="a", text="children at play"), Passage(where="b", text="lingerie on sale")]
    assert "minors-sexualised" not in {m.finding.rule for m in judge(apart, policy)}
    together = [Passage(where="a", text="children at play, lingerie on sale")]
    assert "minors-sexualised" in {m.finding.rule for m in judge(together, policy)}


@given(st.text(max_size=300))
def test_folding_any_text_keeps_places_and_never_fails(text: str) -> None:
    folded = fold(text)
    assert len(folded.text) == len(folded.origin)
    assert all(0 <= i < len(text) for i in folded.origin)
    assert list(folded.origin) == sorted(folded.origin)


@given(st.text(max_size=120))
def test_folding_twice_changes_nothing_more_for_latin_text(text: str) -> None:
    once = fold(text).text
    assume(once.isascii())
    assert fold(once).text == once.replace("'", "").replace("`", "")
