"""Made-up records of a schema: the least and the most that a writer may send, through every alternative and enum value."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from storyreel_contracts.tools.nodes import Json, allowed, followed

_ROUNDS = 18  # at least as many as the longest enum has values
_WORDS = ("1", "0" * 64, "#a0a0a0", "s01", "en", "2026-01-01T00:00:00Z")


def samples(schema: Json) -> Iterator[Json]:
    """Records that the schema accepts; always the same ones. Raises LookupError for a pattern that no known word fits."""
    for turn in range(_ROUNDS):
        for full in (False, True):
            yield _Maker(schema, turn, full).make(schema)


@dataclass(frozen=True)
class _Maker:
    root: Json
    turn: int  # which alternative to take, round and round
    full: bool  # whether optional fields are written

    def make(self, node: Json) -> Any:
        node = followed(node, self.root)
        union = node.get("anyOf") or node.get("oneOf")
        if union is not None:
            return self.make(union[self.turn % len(union)])
        values = allowed(node)
        if values is not None:
            ordered = sorted(values, key=str)
            return ordered[self.turn % len(ordered)]
        return self._of_type(node)

    def _of_type(self, node: Json) -> Any:
        match node.get("type"):
            case "object":
                return self._object(node)
            case "array":
                return self._array(node)
            case "string":
                return _word(node)
            case "integer" | "number":
                return _number(node)
            case "boolean":
                return self.full
            case _:
                return None

    def _object(self, node: Json) -> Json:
        needed = node.get("required", ())
        # A constant tells the branches of a union apart: its writer always sends it, even where it has a default.
        written = {n: p for n, p in node.get("properties", {}).items() if self.full or n in needed or "const" in p}
        made = {n: self.make(p) for n, p in written.items()}
        others = node.get("additionalProperties")
        if self.full and isinstance(others, dict):
            made[self.make(node.get("propertyNames", {"type": "string"}))] = self.make(others)
        return made

    def _array(self, node: Json) -> list[Any]:
        if "prefixItems" in node:
            return [self.make(part) for part in node["prefixItems"]]
        least = max(node.get("minItems", 0), 1 if self.full else 0)
        return [self.make(node.get("items", {}))] * least


def _word(node: Json) -> str:
    pattern = "T" if node.get("format") == "date-time" else node.get("pattern", "")
    fit = (w for w in _WORDS if re.search(pattern, w) and len(w) >= node.get("minLength", 0))
    word = next(fit, None)
    if word is None:
        raise LookupError(f"no sample word fits {pattern!r}: add one to storyreel_contracts.tools.samples")
    return word


def _number(node: Json) -> int | float:
    least: float = max(node.get("minimum", 0), node.get("exclusiveMinimum", -1) + 1)
    return int(least) if node["type"] == "integer" else float(least)
