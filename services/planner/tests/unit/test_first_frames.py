"""A model that starts from a picture gets one, or the plan says no before anything is spent."""

from typing import Any

import pytest
from planner_fakes import CARD, Studio, a_brief, a_ref, a_storyboard, plan_for
from storyreel_contracts import FailureKind, FilmFailed, ModelCard, Reference, Role, ShotRequested, Tier
from storyreel_planner.domain.work import Refusal

NEEDY = CARD.model_copy(update={"first_frame": "required"})
STILLS = {
    "stages": [Tier.KEYFRAME, *CARD.stages], "sizes": CARD.sizes | {Tier.KEYFRAME: CARD.sizes[Tier.PREVIEW]},
    "steps": CARD.steps | {Tier.KEYFRAME: 2}, "device_seconds": CARD.device_seconds | {Tier.KEYFRAME: 0.5},
}  # fmt: skip


def a_picture(name: str, role: Role = Role.STORYBOARD, media_type: str = "image/png") -> Reference:
    return Reference(id=name, role=role, artifact=a_ref(name, media_type))


def boarded(*pictures: str, references: tuple[Reference, ...] = ()) -> Any:
    """A brief of a shot each; an empty name is a frame without a picture."""
    frames = [f.model_copy(update={"picture": p}) for f, p in zip(a_storyboard(*[3.0] * len(pictures)), pictures, strict=True)]
    own = [a_picture(p) for p in dict.fromkeys(pictures) if p]
    return a_brief(storyboard=frames, references=[*own, *references])


def started_from(brief: Any, card: ModelCard) -> dict[tuple[str, str], str]:
    asked = Studio(brief, card=card).run().facts(ShotRequested)
    return {(f.tier.value, f.shot_id): f.spec.continues.sha256 if f.spec.continues else "" for f in asked}


def test_a_shots_own_picture_is_where_its_takes_start() -> None:
    assert started_from(boarded("p", "q"), NEEDY) == {
        (tier, shot): a_ref(name).sha256 for tier in ("preview", "final") for shot, name in (("s01", "p"), ("s02", "q"))
    }
    assert plan_for(boarded("p", "q"), NEEDY).plan.substitutions == []


def test_a_shot_without_a_picture_borrows_the_nearest_and_the_plan_says_so() -> None:
    plan = plan_for(boarded("", "p", "", "", "q"), NEEDY).plan
    assert [s.picture == a_ref("p") for s in plan.shots] == [True, True, True, False, False]
    assert [(s.field, s.chosen) for s in plan.substitutions] == [
        ("shots[0].picture", "the storyboard's picture of s02"),
        ("shots[2].picture", "the storyboard's picture of s02"),
        ("shots[3].picture", "the storyboard's picture of s05"),
    ]


def test_without_any_storyboard_picture_the_products_is_taken() -> None:
    more = (a_picture("l", Role.LOGO), a_picture("c", Role.CHARACTER), a_picture("shoe", Role.PRODUCT))
    plan = plan_for(boarded("", references=more), NEEDY).plan
    assert plan.shots[0].picture == a_ref("shoe")
    assert [s.chosen for s in plan.substitutions] == ["reference shoe (product)"]


@pytest.mark.parametrize("useless", [(), (a_picture("l", Role.LOGO),), (a_picture("p", Role.PRODUCT, "video/mp4"),)])
def test_a_brief_without_a_picture_is_refused_before_anything_is_spent(useless: tuple[Reference, ...]) -> None:
    brief = boarded("", references=useless)
    with pytest.raises(Refusal) as caught:
        plan_for(brief, NEEDY)
    assert caught.value.failed.kind is FailureKind.INVALID_INPUT
    assert caught.value.failed.problems[0].field == "shots[0].picture"
    studio = Studio(brief, card=NEEDY).run()
    assert (len(studio.facts(FilmFailed)), studio.facts(ShotRequested), studio.paid) == (1, [], 0)


def test_a_model_that_makes_stills_starts_from_those() -> None:
    card = NEEDY.model_copy(update=STILLS)
    assert plan_for(boarded("", ""), card).plan.substitutions == []
    assert all(bool(start) == (tier != "keyframe") for (tier, _), start in started_from(boarded("", ""), card).items())


@pytest.mark.parametrize(("wish", "expected"), [("optional", a_ref("p").sha256), ("none", "")])
def test_a_picture_is_used_where_the_model_can_and_left_out_where_it_cannot(wish: str, expected: str) -> None:
    card = CARD.model_copy(update={"first_frame": wish})
    assert set(started_from(boarded("p"), card).values()) == {expected}
    assert started_from(boarded(""), card)["final", "s01"] == ""
