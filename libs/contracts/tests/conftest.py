"""Strategies that make any fact of the contract, from the schema that the model itself states."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st
from pydantic import ValidationError
from storyreel_contracts import Fact

Json = dict[str, Any]
Strategy = st.SearchStrategy[Any]


class FactStrategy:
    """Draws JSON for a schema; briefs get a storyboard and references that agree with each other."""

    def __init__(self, root: Json) -> None:
        self.root = root

    def of(self, node: Json) -> Strategy:
        if "$ref" in node:
            return self.of(self.root["$defs"][node["$ref"].rsplit("/", 1)[-1]])
        if union := node.get("anyOf") or node.get("oneOf"):
            return st.one_of([self.of(b) for b in union])
        if "const" in node:
            return st.just(node["const"])
        if "enum" in node:
            return st.sampled_from(node["enum"])
        return self._by_type(node)

    def _by_type(self, node: Json) -> Strategy:
        makers: dict[str, Callable[[Json], Strategy]] = {
            "object": self._object,
            "array": self._array,
            "string": self._text,
            "integer": self._number,
            "number": self._number,
        }
        plain = st.booleans() if node.get("type") == "boolean" else st.none()
        return makers[node["type"]](node) if node.get("type") in makers else plain

    def _number(self, node: Json) -> Strategy:
        low, high = node.get("minimum", node.get("exclusiveMinimum")), node.get("maximum", node.get("exclusiveMaximum"))
        if node["type"] == "integer":
            return st.integers(low if low is not None else -(2**40), high - 1 if high else 2**40)
        bounds: dict[str, Any] = {"allow_nan": False, "allow_infinity": False, "exclude_min": "exclusiveMinimum" in node}
        return st.floats(low if low is not None else -1e9, high if high is not None else 1e9, **bounds)

    def _text(self, node: Json) -> Strategy:
        if node.get("format") == "date-time":
            return st.datetimes(timezones=st.timezones()).map(lambda at: at.isoformat())
        if "pattern" in node:
            text = st.from_regex(node["pattern"].replace("$", r"\Z"), fullmatch=False)
            return text.filter(lambda s: len(s) <= node.get("maxLength", 99))
        size = {"min_size": node.get("minLength", 0), "max_size": min(node.get("maxLength", 40), 40)}
        return st.text(st.characters(codec="utf-8", exclude_characters="\x00"), **size)

    def _array(self, node: Json) -> Strategy:
        if "prefixItems" in node:
            return st.tuples(*[self.of(part) for part in node["prefixItems"]]).map(list)
        least = node.get("minItems", 0)
        return st.lists(self.of(node.get("items", {})), min_size=least, max_size=max(least, 2))

    def _object(self, node: Json) -> Strategy:
        others = node.get("additionalProperties")
        if isinstance(others, dict):
            names = self.of(node.get("propertyNames", {"type": "string", "maxLength": 20}))
            return st.dictionaries(names, self.of(others), max_size=2)
        fields = {n: self.of(p) for n, p in node.get("properties", {}).items()}
        needed = set(node.get("required", ()))
        always = {n: s for n, s in fields.items() if n in needed or n == "target"}
        made = st.fixed_dictionaries(always, optional={n: s for n, s in fields.items() if n not in always})
        return made.map(_agreeing) if "storyboard" in fields else made


def _agreeing(brief: Json) -> Json:
    """A brief whose storyboard fills its duration and whose names refer to something."""
    frames, budget = brief.get("storyboard", []), brief.get("budget")
    references = [{**r, "id": f"r{i}"} for i, r in enumerate(brief.get("references", []))]
    for i, frame in enumerate(frames):
        frame.update(start_s=float(i), end_s=float(i + 1), picture=references[0]["id"] if references else "")
    duration = {"duration_s": float(len(frames))} if frames else {}
    brand = {"brand": {**brief["brand"], "logo": ""}} if brief.get("brand") else {}
    known = {"references": references} if references else {}
    money = {"budget": {**budget, "amount": "12.34"}} if budget else {}
    aspects = {"aspects": sorted(set(brief["aspects"]))} if brief.get("aspects") else {}
    return {**brief, **duration, **brand, **known, **money, **aspects}


@pytest.fixture(scope="session")
def facts_of() -> Callable[[type[Fact]], Strategy]:
    """Strategy for instances of a fact."""

    def strategy(fact: type[Fact]) -> Strategy:
        schema = fact.model_json_schema()
        return FactStrategy(schema).of(schema).map(lambda data: _read(fact, data)).filter(lambda made: made is not None)

    return strategy


def _read(fact: type[Fact], data: Json) -> Fact | None:
    try:
        return fact.model_validate(data)
    except ValidationError:
        return None  # a rule that no schema can state, such as a duration in whole frames
