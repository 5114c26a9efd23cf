"""Whether a value is what a schema describes: the part of JSON Schema that pydantic writes, and nothing more.

The gate asks this of an *old* schema, whose model is gone. Kept small because this room imports pydantic only;
its tests hold it against a full validator.
"""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from storyreel_contracts.tools.nodes import Json, followed

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "integer": (int,),
    "number": (int, float),
}


def complaints(value: Any, node: Json, root: Json, path: str = "") -> list[str]:
    """What is wrong with a value, each with its path; empty if nothing is."""
    return list(_complaints(value, node, root, path))


def _complaints(value: Any, node: Json, root: Json, path: str) -> Iterator[str]:
    node = followed(node, root)
    union = node.get("anyOf") or node.get("oneOf")
    if union is not None:
        if all(complaints(value, branch, root, path) for branch in union):
            yield f"{path or 'value'}: fits none of {len(union)} alternatives"
        return
    if "type" in node and not _is(value, node["type"]):
        yield f"{path or 'value'}: is not of type {node['type']}"
        return
    if value not in node.get("enum", [value]) or value != node.get("const", value):
        yield f"{path or 'value'}: is not one of the listed values"
    yield from _bounds(value, node, path)
    yield from _inside(value, node, root, path)


def _is(value: Any, type_: str) -> bool:
    if isinstance(value, bool):
        return type_ == "boolean"
    return isinstance(value, _TYPES[type_]) or (type_ == "integer" and isinstance(value, float) and value.is_integer())


def _bounds(value: Any, node: Json, path: str) -> Iterator[str]:
    checks: dict[str, Callable[[Any, Any], bool]] = {
        "minimum": lambda v, limit: v >= limit,
        "maximum": lambda v, limit: v <= limit,
        "exclusiveMinimum": lambda v, limit: v > limit,
        "exclusiveMaximum": lambda v, limit: v < limit,
        "minLength": lambda v, limit: len(v) >= limit,
        "maxLength": lambda v, limit: len(v) <= limit,
        "minItems": lambda v, limit: len(v) >= limit,
        "maxItems": lambda v, limit: len(v) <= limit,
        "pattern": lambda v, limit: re.search(limit, v) is not None,
        "format": lambda v, limit: limit != "date-time" or _is_time(v),
    }
    for name, holds in checks.items():
        if name in node and not holds(value, node[name]):
            yield f"{path or 'value'}: breaks {name} {node[name]}"


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _inside(value: Any, node: Json, root: Json, path: str) -> Iterator[str]:
    if isinstance(value, list):
        parts = node.get("prefixItems", [])
        for i, item in enumerate(value):
            inner = parts[i] if i < len(parts) else node.get("items", {})
            yield from _complaints(item, inner, root, f"{path}[{i}]")
    if isinstance(value, dict):
        fields, others = node.get("properties", {}), node.get("additionalProperties", {})
        for name in node.get("required", ()):
            if name not in value:
                yield f"{path}.{name}: is missing"
        for name, item in value.items():
            inner = fields.get(name, others if isinstance(others, dict) else {})
            yield from _complaints(item, inner, root, f"{path}.{name}")
            yield from _complaints(name, node.get("propertyNames", {}), root, f"{path}.{name} (the name)")
