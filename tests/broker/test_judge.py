"""The checker sees each fault that it is for."""

from judge import Answer, judge, miscounted, went_back

TAKES = [f"load-{n}" for n in range(6)]


def answers(*numbers: int, films: int = 2) -> list[Answer]:
    return [Answer(f"load-{n}", f"fact-{n}", f"film-{n % films}", n) for n in numbers]


def test_one_answer_for_each_take_is_good_and_the_same_again_is_harmless() -> None:
    assert judge(TAKES, answers(0, 1, 2, 3, 4, 5), TAKES).good
    verdict = judge(TAKES, answers(0, 1, 2, 0, 3, 4, 1, 5), TAKES)
    assert verdict.good
    assert verdict.again == 2


def test_a_take_without_an_answer_is_lost() -> None:
    assert judge(TAKES, answers(0, 1, 2, 3, 5), TAKES).lost == ("load-4",)


def test_an_answer_under_a_second_id_is_seen() -> None:
    other = Answer("load-3", "fact-3-of-another-member", "film-1", 9)
    assert judge(TAKES, [*answers(0, 1, 2, 3, 4, 5), other], TAKES).two_ids == ("load-3",)


def test_a_film_answered_out_of_order_is_seen() -> None:
    assert judge(TAKES, answers(0, 3, 1, 2, 4, 5), TAKES).disordered == ("film-1",)


def test_a_fold_that_forgot_or_doubled_a_take_is_seen() -> None:
    assert miscounted(TAKES, 2, {0: 3, 1: 3}) == {}
    assert miscounted(TAKES, 2, {0: 4, 1: 2}) == {0: (3, 4), 1: (3, 2)}


def test_a_commit_that_sinks_or_vanishes_is_seen() -> None:
    assert went_back([{"p0": 3}, {"p0": 3, "p1": 1}, {"p0": 5, "p1": 1}]) == []
    assert went_back([{"p0": 3, "p1": 4}, {"p0": 2}]) == [("p0", 3, 2), ("p1", 4, 0)]


def test_a_film_is_in_order_if_it_is_answered_as_its_takes_lie_in_the_log() -> None:
    swapped = ["load-0", "load-3", "load-1", "load-2", "load-4", "load-5"]
    assert judge(TAKES, answers(0, 3, 1, 2, 4, 5), swapped).good
    assert judge(TAKES, answers(0, 1, 2, 3, 4, 5), swapped).disordered == ("film-1",)
