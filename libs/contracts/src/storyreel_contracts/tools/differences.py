"""What changed between two schemas of one fact, and which of it breaks somebody. FULL: both directions must work.

Allowed is only a new optional field. Everything else breaks either an old reader of new records or a new reader of old ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from storyreel_contracts.tools.nodes import Json, allowed, branches, followed, kind


class Rule(StrEnum):
    """Why a change is refused."""

    REMOVED_FACT = "fact removed"
    REMOVED_FIELD = "field removed"
    NEW_REQUIRED_FIELD = "new required field"
    REQUIRED_MADE_OPTIONAL = "required field made optional"
    OPTIONAL_MADE_REQUIRED = "optional field made required"
    CHANGED_TYPE = "type changed"
    ENUM_WIDENED = "enum widened"
    ENUM_NARROWED = "enum narrowed"
    TIGHTENED = "constraint tightened"
    LOOSENED = "constraint loosened"
    OLD_RECORD_REFUSED = "new reader refuses an old record"
    NEW_RECORD_REFUSED = "old reader refuses a new record"
    EXAMPLE_CHANGED = "example changed or removed"


@dataclass(frozen=True)
class Break:
    """One change that somebody cannot follow."""

    type: str
    path: str
    rule: Rule
    what: str = ""

    def __str__(self) -> str:
        where = f"{self.type} {self.path}".strip()
        return f"{where}: {self.rule}" + (f" ({self.what})" if self.what else "")


_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_EXACT = ("pattern", "format", "multipleOf", "uniqueItems")


def breaks(type_: str, old: Json, new: Json) -> list[Break]:
    """Every change from `old` to `new` that breaks a reader, in the order of the fields."""
    return list(_Walk(type_, old, new).nodes("", old, new))


@dataclass
class _Walk:
    type: str
    old_root: Json
    new_root: Json

    def nodes(self, path: str, old: Json, new: Json) -> Iterator[Break]:
        before = {kind(b): b for b in branches(old, self.old_root)}
        after = {kind(b): b for b in branches(new, self.new_root)}
        if before.keys() != after.keys():
            yield self._break(path, Rule.CHANGED_TYPE, f"{' or '.join(sorted(before))} became {' or '.join(sorted(after))}")
        for name in before.keys() & after.keys():
            yield from self._values(path, before[name], after[name])
            yield from self._constraints(path, before[name], after[name])
            yield from self._fields(path, before[name], after[name])
            yield from self._contents(path, before[name], after[name])

    def _values(self, path: str, old: Json, new: Json) -> Iterator[Break]:
        before, after = allowed(old), allowed(new)
        if before == after:
            return
        if before is None or (after is not None and before - after):
            yield self._break(path, Rule.ENUM_NARROWED, _listed(before, after))
        if after is None or (before is not None and after - before):
            yield self._break(path, Rule.ENUM_WIDENED, _listed(after, before))

    def _constraints(self, path: str, old: Json, new: Json) -> Iterator[Break]:
        for name in (*_LOWER, *_UPPER, *_EXACT):
            before, after = old.get(name), new.get(name)
            if before != after:
                yield self._break(path, _direction(name, before, after), f"{name}: {before} became {after}")

    def _fields(self, path: str, old: Json, new: Json) -> Iterator[Break]:
        before, after = old.get("properties", {}), new.get("properties", {})
        needed_before, needed_after = set(old.get("required", ())), set(new.get("required", ()))
        for name in before:
            inner = f"{path}.{name}" if path else name
            if name not in after:
                yield self._break(inner, Rule.REMOVED_FIELD)
                continue
            if name in needed_before - needed_after:
                yield self._break(inner, Rule.REQUIRED_MADE_OPTIONAL)
            if name in needed_after - needed_before:
                yield self._break(inner, Rule.OPTIONAL_MADE_REQUIRED)
            if not _self_referring(before[name], old, self.old_root):
                yield from self.nodes(inner, before[name], after[name])
        for name in sorted(needed_after - before.keys()):
            yield self._break(f"{path}.{name}" if path else name, Rule.NEW_REQUIRED_FIELD)

    def _contents(self, path: str, old: Json, new: Json) -> Iterator[Break]:
        for name, mark in (("items", "[]"), ("additionalProperties", "{}"), ("propertyNames", "{key}")):
            before, after = old.get(name, True), new.get(name, True)
            if isinstance(before, dict) and isinstance(after, dict):
                yield from self.nodes(f"{path}{mark}", before, after)
            elif before != after:
                yield self._break(f"{path}{mark}", Rule.CHANGED_TYPE, f"{name} changed")
        before_parts, after_parts = old.get("prefixItems", []), new.get("prefixItems", [])
        if len(before_parts) != len(after_parts):
            yield self._break(path, Rule.CHANGED_TYPE, f"{len(before_parts)} parts became {len(after_parts)}")
        for i, (before, after) in enumerate(zip(before_parts, after_parts, strict=False)):
            yield from self.nodes(f"{path}[{i}]", before, after)

    def _break(self, path: str, rule: Rule, what: str = "") -> Break:
        return Break(self.type, path, rule, what)


def _direction(name: str, before: Any, after: Any) -> Rule:
    if name in _EXACT:
        return Rule.LOOSENED if after is None else Rule.TIGHTENED
    if before is None or after is None:
        return Rule.TIGHTENED if before is None else Rule.LOOSENED
    return Rule.TIGHTENED if (after > before) == (name in _LOWER) else Rule.LOOSENED


def _listed(more: frozenset[Any] | None, fewer: frozenset[Any] | None) -> str:
    if more is None or fewer is None:
        return "any value on one side"
    return ", ".join(sorted(map(str, more - fewer)))


def _self_referring(node: Json, owner: Json, root: Json) -> bool:
    return followed(node, root) is owner
