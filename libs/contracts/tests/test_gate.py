"""Every rule of the gate, each with the change that it must stop; and the one change that it must let through."""

import json
import subprocess
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import pytest
from pydantic import Field, create_model, model_validator
from storyreel_contracts import FACTS, Fact, Model
from storyreel_contracts.__main__ import ROOT, main
from storyreel_contracts.tools.differences import Rule
from storyreel_contracts.tools.gate import Release, judge, report, rollout
from storyreel_contracts.tools.schemas import schema_of

TYPE = "thing.done.v1"


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class More(StrEnum):
    RED = "red"
    BLUE = "blue"
    GREEN = "green"


class Inner(Model):
    size: int = Field(ge=1)


class Inner2(Model):
    size: int = Field(ge=1)
    weight: int


Inner2.__name__ = Inner2.__qualname__ = "Inner"


def fact(**fields: Any) -> type[Fact]:
    """A fact with these fields; a plain type means required, a pair gives the default."""
    defined: Any = {n: f if isinstance(f, tuple) else (f, ...) for n, f in fields.items()}
    made: type[Fact] = create_model("Thing", __base__=Fact, **defined)
    made.TYPE = TYPE
    return made


def rules(old: type[Fact], new: type[Fact], examples: dict[str, str] | None = None) -> set[Rule]:
    """What the gate says when `old` is out and `new` is to be released."""
    out = Release("v1.0.0", {TYPE: schema_of(old)}, examples or {})
    here = Release("here", {TYPE: schema_of(new)}, examples or {})
    return {b.rule for b in judge(out, here, {TYPE: new}).breaks}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (fact(a=int), fact(a=int)),
        (fact(a=int), fact(a=int, b=(int, 0))),
        (fact(a=int), fact(a=int, b=(Inner | None, None))),
        (fact(a=int, c=(Colour, Colour.RED)), fact(a=int, c=(Colour, Colour.BLUE))),
    ],
)
def test_a_new_optional_field_passes(old: type[Fact], new: type[Fact]) -> None:
    assert rules(old, new) == set()


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        (Rule.REMOVED_FIELD, fact(a=int, b=int), fact(a=int)),
        (Rule.REMOVED_FIELD, fact(a=int, b=(int, 0)), fact(a=int)),
        (Rule.NEW_REQUIRED_FIELD, fact(a=int), fact(a=int, b=int)),
        (Rule.NEW_REQUIRED_FIELD, fact(a=Inner), fact(a=Inner2)),
        (Rule.NEW_REQUIRED_FIELD, fact(a=(list[Inner], [])), fact(a=(list[Inner2], []))),
        (Rule.NEW_REQUIRED_FIELD, fact(a=(dict[str, Inner], {})), fact(a=(dict[str, Inner2], {}))),
        (Rule.NEW_REQUIRED_FIELD, fact(a=(Inner | None, None)), fact(a=(Inner2 | None, None))),
        (Rule.REQUIRED_MADE_OPTIONAL, fact(a=int), fact(a=(int, 0))),
        (Rule.OPTIONAL_MADE_REQUIRED, fact(a=(int, 0)), fact(a=int)),
        (Rule.CHANGED_TYPE, fact(a=int), fact(a=str)),
        (Rule.CHANGED_TYPE, fact(a=int), fact(a=float)),
        (Rule.CHANGED_TYPE, fact(a=int), fact(a=int | None)),
        (Rule.CHANGED_TYPE, fact(a=int | str), fact(a=int)),
        (Rule.CHANGED_TYPE, fact(a=list[int]), fact(a=list[str])),
        (Rule.CHANGED_TYPE, fact(a=dict[str, int]), fact(a=dict[str, str])),
        (Rule.CHANGED_TYPE, fact(a=tuple[int, int]), fact(a=tuple[int, int, int])),
        (Rule.ENUM_WIDENED, fact(a=Colour), fact(a=More)),
        (Rule.ENUM_WIDENED, fact(a=Literal["x"]), fact(a=Literal["x", "y"])),
        (Rule.ENUM_WIDENED, fact(a=Literal["x", "y"]), fact(a=str)),
        (Rule.ENUM_NARROWED, fact(a=More), fact(a=Colour)),
        (Rule.ENUM_NARROWED, fact(a=str), fact(a=Literal["x"])),
        (Rule.TIGHTENED, fact(a=(int, Field(ge=0))), fact(a=(int, Field(ge=1)))),
        (Rule.TIGHTENED, fact(a=int), fact(a=(int, Field(le=9)))),
        (Rule.TIGHTENED, fact(a=(str, Field(max_length=9))), fact(a=(str, Field(max_length=5)))),
        (Rule.TIGHTENED, fact(a=str), fact(a=(str, Field(pattern="^1$")))),
        (Rule.TIGHTENED, fact(a=list[int]), fact(a=(list[int], Field(min_length=1)))),
        (Rule.LOOSENED, fact(a=(int, Field(ge=1))), fact(a=(int, Field(ge=0)))),
        (Rule.LOOSENED, fact(a=(str, Field(max_length=5))), fact(a=(str, Field(max_length=9)))),
    ],
)
def test_the_gate_stops(rule: Rule, old: type[Fact], new: type[Fact]) -> None:
    assert rule in rules(old, new)


def test_a_fact_that_is_gone_is_stopped() -> None:
    out = Release("v1", {TYPE: schema_of(fact(a=int))})
    assert [b.rule for b in judge(out, Release("here", {}), {}).breaks] == [Rule.REMOVED_FACT]


class Pair(Fact):
    """Two numbers."""

    TYPE: ClassVar[str] = TYPE
    low: int = Field(ge=0)
    high: int = Field(ge=0)


class OrderedPair(Pair):
    """Two numbers with a rule between them that no schema shows."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError("low must be less than high")
        return self


OrderedPair.__name__ = "Pair"


def test_a_new_rule_between_fields_is_seen_by_reading_made_up_old_records() -> None:
    assert rules(Pair, OrderedPair) >= {Rule.OLD_RECORD_REFUSED}
    assert rules(Pair, Pair) == set()


def test_made_up_new_records_are_read_as_an_old_reader_would() -> None:
    assert Rule.NEW_RECORD_REFUSED in rules(fact(a=Colour), fact(a=More))
    assert Rule.OLD_RECORD_REFUSED in rules(fact(a=More), fact(a=Colour))


def test_examples_are_append_only_and_must_be_readable_for_ever() -> None:
    old = fact(a=int)
    out = Release("v1", {TYPE: schema_of(old)}, {f"{TYPE}/minimal.json": '{"a": 1}'})
    here = {TYPE: schema_of(old)}

    def found(examples: dict[str, str]) -> list[Rule]:
        return [b.rule for b in judge(out, Release("here", here, examples), {TYPE: old}).breaks]

    assert found(dict(out.examples)) == []
    assert found({**out.examples, f"{TYPE}/another.json": '{"a": 2}'}) == []
    assert found({}) == [Rule.EXAMPLE_CHANGED]
    assert found({f"{TYPE}/minimal.json": '{"a": 2}'}) == [Rule.EXAMPLE_CHANGED]
    assert Rule.OLD_RECORD_REFUSED in rules(old, fact(a=str), dict(out.examples))


@pytest.mark.parametrize("type_", sorted(FACTS))
def test_every_fact_is_compatible_with_itself(type_: str) -> None:
    release = Release("here", {type_: schema_of(FACTS[type_])})
    assert judge(release, release).passed


def test_the_rollout_order_is_readers_first() -> None:
    assert rollout("shot.rendered.v1") == (("continuity", "gateway", "planner", "safety"), ("renderer",))
    old = {"shot.rendered.v1": {**schema_of(FACTS["shot.rendered.v1"]), "description": "before"}}
    here = {"shot.rendered.v1": schema_of(FACTS["shot.rendered.v1"])}
    lines = "\n".join(report(judge(Release("v1", old), Release("here", here))))
    assert "Roll out readers first: continuity, gateway, planner, safety; then renderer." in lines


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A copy of the contract room in a repository of its own, without a release."""
    for name in ("schemas", "examples"):
        for path in (ROOT / name).rglob("*.json"):
            target = tmp_path / "libs" / "contracts" / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "contract"]):
        _git(tmp_path, *command)
    return tmp_path


def _git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false", "-c", "tag.gpgsign=false"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def gate(repository: Path, *arguments: str) -> int:
    return main(["--root", str(repository / "libs" / "contracts"), "gate", *arguments])


def test_without_a_release_it_says_so_and_passes(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gate(repository) == 0
    assert "no release tag" in capsys.readouterr().out


def test_it_looks_at_every_release_and_not_only_the_last(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = repository / "libs" / "contracts" / "schemas" / "timer.due.v1.schema.json"
    today = path.read_text()
    older = json.loads(today)
    older["properties"]["snooze"] = {"type": "integer"}
    path.write_text(json.dumps(older))
    _git(repository, "commit", "-qam", "had another field")
    _git(repository, "tag", "v0.1.0")
    path.write_text(today)
    _git(repository, "commit", "-qam", "lost it")
    _git(repository, "tag", "v0.2.0")
    assert gate(repository) == 1
    said = capsys.readouterr().out
    assert "Against v0.1.0: 1 breaks" in said
    assert "timer.due.v1 snooze: field removed" in said
    assert "Against v0.2.0: compatible" in said
    assert gate(repository, "--against", "v0.2.0") == 0


def test_a_folder_or_a_commit_may_be_named_and_nonsense_is_a_usage_error(repository: Path) -> None:
    assert gate(repository, "--against", str(ROOT)) == 0
    assert gate(repository, "--against", "HEAD") == 0
    assert gate(repository, "--against", "no-such-thing") == 2
