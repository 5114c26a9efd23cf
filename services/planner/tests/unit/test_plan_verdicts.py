"""A verdict counts for the plan that it names, however late it comes."""

from typing import Any

from planner_fakes import Studio, a_brief, verdict
from storyreel_contracts import FilmPlanned, PlanBlocked, PlanCleared, ShotRequested


def replanned(*, names_plans: bool = True) -> Studio:
    """A film whose first plan was blocked and written again; safety has not yet spoken of the second."""
    studio = Studio(a_brief(storyboard=[]), plan_verdicts=["blocked"], names_plans=names_plans)
    while len(studio.facts(FilmPlanned)) < 2:
        studio.step()
    studio.queues["safety-verdicts"].clear()
    return studio


def say(studio: Studio, kind: Any, plan: FilmPlanned | None, name: str) -> None:
    named = {"plan_sha256": plan.plan_sha256} if plan else {}
    studio.emit("safety-verdicts", verdict(kind, **named), name)
    studio.run()


def test_a_late_yes_to_the_plan_before_opens_nothing() -> None:
    """A reviewer says yes to the first plan when the second is already out."""
    studio = replanned()
    first, second = studio.facts(FilmPlanned)
    say(studio, PlanCleared, first, "late")
    assert studio.facts(ShotRequested) == []
    say(studio, PlanCleared, second, "now")
    assert studio.outcome() == ["published"]


def test_control_without_its_name_the_late_yes_is_taken_for_the_present_plan() -> None:
    """The guard removed: this is what order alone makes of it."""
    studio = replanned(names_plans=False)
    say(studio, PlanCleared, None, "late")
    assert studio.facts(ShotRequested) != []


def test_a_late_no_to_the_plan_before_ends_nothing() -> None:
    studio = replanned()
    first, second = studio.facts(FilmPlanned)
    say(studio, PlanBlocked, first, "late")
    assert studio.outcome() == []
    say(studio, PlanCleared, second, "now")
    assert studio.outcome() == ["published"]


def test_the_verdict_on_the_second_plan_counts_even_if_it_is_the_third_to_come() -> None:
    studio = replanned()
    first, second = studio.facts(FilmPlanned)
    for n in range(3):
        say(studio, PlanBlocked, first, f"again{n}")
    say(studio, PlanBlocked, second, "now")
    assert studio.outcome() == ["failed"]


def test_verdicts_of_a_safety_that_names_no_plan_are_matched_by_order() -> None:
    studio = Studio(a_brief(storyboard=[]), plan_verdicts=["blocked"], names_plans=False).run()
    assert len(studio.facts(FilmPlanned)) == 2
    assert studio.outcome() == ["published"]
