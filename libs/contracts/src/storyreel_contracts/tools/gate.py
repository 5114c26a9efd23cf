"""The compatibility gate: may this contract be released beside those that are out? FULL_TRANSITIVE, so beside all of them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError

from storyreel_contracts.base import Fact
from storyreel_contracts.registry import FACTS
from storyreel_contracts.tools.conformance import complaints
from storyreel_contracts.tools.differences import Break, Rule, breaks
from storyreel_contracts.tools.nodes import Json
from storyreel_contracts.tools.samples import samples
from storyreel_contracts.topics import CATALOGUE, Topic


@dataclass(frozen=True)
class Release:
    """A contract that is out: schemas by type, examples by `type/name` as their text."""

    name: str
    schemas: Mapping[str, Json]
    examples: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """What the gate says of one release."""

    release: str
    breaks: tuple[Break, ...]
    changed: tuple[str, ...]
    added: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether old and new may run side by side."""
        return not self.breaks


def judge(old: Release, new: Release, facts: Mapping[str, type[Fact]] = FACTS) -> Verdict:
    """Compare a release with what stands here: shape, made-up records both ways, examples."""
    found: list[Break] = []
    for type_, schema in old.schemas.items():
        if type_ not in new.schemas or type_ not in facts:
            found.append(Break(type_, "", Rule.REMOVED_FACT))
            continue
        found += breaks(type_, schema, new.schemas[type_])
        found += _old_to_new(type_, schema, facts[type_])
        found += _new_to_old(type_, new.schemas[type_], schema)
    found += _examples(old, new, facts)
    changed = sorted(t for t in new.schemas.keys() & old.schemas.keys() if new.schemas[t] != old.schemas[t])
    return Verdict(old.name, tuple(found), tuple(changed), tuple(sorted(new.schemas.keys() - old.schemas.keys())))


def rollout(type_: str, topics: tuple[Topic, ...] = CATALOGUE) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Who must be rolled out first (readers) and then (writers) when a fact changes."""
    carrying = [t for t in topics if type_ in t.types]
    writers = sorted({t.owner for t in carrying})
    readers = sorted({r for t in carrying for r in t.readers} - set(writers))
    return tuple(readers), tuple(writers)


def report(verdict: Verdict) -> Iterator[str]:
    """The verdict in lines."""
    yield f"Against {verdict.release}: {'compatible' if verdict.passed else f'{len(verdict.breaks)} breaks'}"
    for one in verdict.breaks:
        yield f"  BREAKS {one}"
    for type_ in (*verdict.changed, *verdict.added):
        readers, writers = rollout(type_)
        news = "changed" if type_ in verdict.changed else "is new"
        yield f"  {type_} {news}. Roll out readers first: {', '.join(readers) or 'none'}; then {', '.join(writers) or 'none'}."
    if verdict.breaks:
        yield "  Give the changed fact a new version (.v2) beside the old one, or make the new field optional with a default."


def _old_to_new(type_: str, old: Json, model: type[Fact]) -> Iterator[Break]:
    for record in samples(old):
        try:
            model.model_validate_json(json.dumps(record))
        except ValidationError as e:
            yield Break(type_, "", Rule.OLD_RECORD_REFUSED, str(e.errors(include_url=False, include_input=False)[0]["loc"]))
            return


def _new_to_old(type_: str, new: Json, old: Json) -> Iterator[Break]:
    for record in samples(new):
        wrong = complaints(record, old, old)
        if wrong:
            yield Break(type_, "", Rule.NEW_RECORD_REFUSED, wrong[0])
            return


def _examples(old: Release, new: Release, facts: Mapping[str, type[Fact]]) -> Iterator[Break]:
    for name, text in old.examples.items():
        type_ = name.split("/")[0]
        if new.examples.get(name) != text:
            yield Break(type_, name, Rule.EXAMPLE_CHANGED, "examples are append-only")
        if type_ in facts:
            yield from _example_refused(type_, name, text, facts[type_])


def _example_refused(type_: str, name: str, text: str, model: type[Fact]) -> Iterator[Break]:
    try:
        model.model_validate_json(text)
    except ValidationError as e:
        yield Break(type_, name, Rule.OLD_RECORD_REFUSED, str(e.errors(include_url=False, include_input=False)[0]["loc"]))
