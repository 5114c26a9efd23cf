"""Keys: an edit changes the segments that it reaches, and no other."""

from dataclasses import replace

from assembler_fakes import a_film
from hypothesis import given
from hypothesis import strategies as st
from storyreel_assembler.domain.film import Film, Shot, Size, Take
from storyreel_assembler.domain.grade import Grade
from storyreel_assembler.domain.keys import key_of
from storyreel_assembler.domain.layout import lay_out
from storyreel_assembler.domain.recipe import Kitchen, Recipe, recipe_of

FIVE = tuple(
    Shot(f"s{n:02d}", (n - 1) * 48, 48, caption=f"Line {n}.", transition_in="dissolve" if n % 2 else "cut") for n in range(1, 6)
)


def recipes(film: Film, takes: dict[str, str] | None = None, tier: str = "final") -> list[tuple[str, Recipe]]:
    """Recipes in film order, each with the shot it belongs to."""
    found = {shot.shot_id: Take((takes or {}).get(shot.shot_id, shot.shot_id), Size(128, 80), 49, 16) for shot in film.shots}
    layout = lay_out(film)
    grades = {shot.shot_id: Grade() for shot in film.shots}
    kitchen = Kitchen(film, layout, found, grades, tier, "tools")  # type: ignore[arg-type]
    return [
        (film.shots[piece.shot].shot_id, recipe_of(kitchen, piece, aspect))
        for aspect in film.aspects
        for piece in layout.pieces
    ]


def changed(before: list[tuple[str, Recipe]], after: list[tuple[str, Recipe]]) -> set[tuple[str, str]]:
    known = {recipe.key for _, recipe in before}
    return {(shot, recipe.kind) for shot, recipe in after if recipe.key not in known}


def edited(film: Film, shot_id: str, **changes: object) -> Film:
    return replace(
        film,
        shots=tuple(replace(s, **changes) if s.shot_id == shot_id else s for s in film.shots),  # type: ignore[arg-type]
    )


@given(st.sampled_from([shot.shot_id for shot in FIVE]))
def test_editing_one_caption_changes_that_shots_segments_only(shot_id: str) -> None:
    film = a_film(shots=FIVE, aspects=("16:9", "9:16"))
    after = recipes(edited(film, shot_id, caption="Something else."))
    touched = changed(recipes(film), after)
    assert {shot for shot, _ in touched} == {shot_id}
    assert {kind for _, kind in touched} <= {"body", "card"}


def test_a_key_over_all_captions_would_rebuild_more() -> None:
    film = a_film(shots=FIVE)
    other = edited(film, "s03", caption="Something else.")

    def greedy(one: Film) -> set[str]:
        return {key_of("greedy", [recipe.key, [s.caption for s in one.shots]]) for _, recipe in recipes(one)}

    assert len(greedy(other) - greedy(film)) == len(recipes(film))


def test_a_new_take_changes_its_body_and_the_dissolves_that_touch_it() -> None:
    film = a_film(shots=FIVE)
    assert changed(recipes(film), recipes(film, {"s03": "new"})) == {("s03", "body"), ("s03", "dissolve")}
    assert changed(recipes(film), recipes(film, {"s02": "new"})) == {("s02", "body"), ("s03", "dissolve")}


def test_narration_is_no_part_of_the_picture() -> None:
    film = a_film(shots=FIVE)
    assert changed(recipes(film), recipes(edited(film, "s02", narration="Spoken."))) == set()


def test_what_stands_later_in_the_film_keeps_its_keys_when_a_shot_grows() -> None:
    film = a_film(shots=tuple(replace(s, transition_in="cut") for s in FIVE))
    longer = [replace(film.shots[0], frames=60), *(replace(s, start_frame=s.start_frame + 12) for s in film.shots[1:])]
    assert changed(recipes(film), recipes(replace(film, shots=tuple(longer)))) == {("s01", "body")}


def test_a_call_to_action_changes_the_end_card_only() -> None:
    film = a_film(shots=FIVE)
    assert film.brand is not None
    other = replace(film, brand=replace(film.brand, call_to_action="Now."))
    assert changed(recipes(film), recipes(other)) == {("s05", "card")}


def test_tiers_and_tools_are_part_of_the_key() -> None:
    film = a_film(shots=FIVE)
    final, preview = recipes(film), recipes(film, tier="preview")
    assert not {r.key for _, r in final} & {r.key for _, r in preview}
    assert final[0][1].key != replace(final[0][1], toolchain="other").key


def test_without_burning_in_no_caption_is_in_any_key() -> None:
    film = a_film(shots=FIVE, burn_in=False)
    assert changed(recipes(film), recipes(edited(film, "s02", caption="Something else."))) == set()
