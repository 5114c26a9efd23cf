"""Virtual counters: who is owed what."""

from hypothesis import given
from hypothesis import strategies as st
from storyreel_engine.shares import Shares


def test_what_was_used_is_charged() -> None:
    shares = Shares()
    shares.arrive("a")
    shares.charge({"a": 2.0})
    shares.charge({"a": 1.0})
    assert shares.seconds("a") == 3.0


def test_a_newcomer_starts_beside_the_least_charged_and_saves_up_nothing_while_away() -> None:
    shares = Shares()
    for name in "ab":
        shares.arrive(name)
    shares.charge({"a": 5.0, "b": 7.0})
    shares.arrive("c")
    assert shares.seconds("c") == 5.0


def test_who_left_with_more_than_the_others_comes_back_with_it() -> None:
    shares = Shares()
    for name in "ab":
        shares.arrive(name)
    shares.charge({"a": 5.0, "b": 1.0})
    shares.leave("a")
    shares.arrive("a")
    assert shares.seconds("a") == 5.0


def test_an_idle_device_forgives_everybody() -> None:
    shares = Shares()
    shares.arrive("a")
    shares.charge({"a": 5.0})
    shares.leave("a")
    shares.arrive("b")
    shares.arrive("a")
    assert (shares.seconds("a"), shares.seconds("b")) == (0.0, 0.0)


def test_a_share_that_could_not_use_more_keeps_no_credit() -> None:
    shares = Shares()
    for name in "ab":
        shares.arrive(name)
    shares.charge({"a": 1.0, "b": 9.0})
    shares.lift({"a"}, {"b"})
    assert shares.seconds("a") == 9.0


def test_without_lifting_a_returning_share_would_be_owed_all_that_it_missed() -> None:
    shares = Shares()
    shares.arrive("a")
    shares.arrive("b")
    shares.leave("b")
    shares.charge({"a": 100.0})
    shares.arrive("b")
    assert shares.seconds("b") == 100.0


@given(st.lists(st.tuples(st.sampled_from(["arrive", "leave", "charge"]), st.sampled_from("abc"), st.floats(0, 10))))
def test_counters_never_fall_while_a_share_is_here_and_what_is_kept_is_bounded(steps: list[tuple[str, str, float]]) -> None:
    shares, here = Shares(), dict.fromkeys("abc", 0)
    for action, name, seconds in steps:
        before = shares.seconds(name)
        if action == "arrive":
            shares.arrive(name)
            here[name] += 1
        elif action == "leave" and here[name]:
            shares.leave(name)
            here[name] -= 1
        elif action == "charge" and here[name]:
            shares.charge({name: seconds})
        if here[name]:
            assert shares.seconds(name) >= before
        assert set(shares.to_json()) == {share for share, jobs in here.items() if jobs}
