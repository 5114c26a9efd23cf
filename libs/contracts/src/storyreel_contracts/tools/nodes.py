"""Reading the JSON Schemas that pydantic writes: references followed, unions taken apart."""

from typing import Any

Json = dict[str, Any]


def followed(node: Json, root: Json) -> Json:
    """The node behind a `$ref`; words beside the reference (title, default) do not count."""
    while "$ref" in node:
        node = root["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    return node


def branches(node: Json, root: Json) -> list[Json]:
    """The alternatives of a union, each followed; a node that is no union is its only branch."""
    node = followed(node, root)
    union = node.get("anyOf") or node.get("oneOf")
    return [node] if union is None else [b for one in union for b in branches(one, root)]


def kind(branch: Json) -> str:
    """What tells a branch from its siblings: its type, with the name of the model if it is one."""
    if "properties" in branch:
        return f"object {branch.get('title', '')}".strip()
    values = branch.get("enum", [branch["const"]] if "const" in branch else [])
    implied = {type(v).__name__ for v in values}
    return str(branch.get("type") or {"str": "string", "int": "integer"}.get(next(iter(implied), ""), "any"))


def allowed(branch: Json) -> frozenset[Any] | None:
    """The listed values, or None where any value of the type will do."""
    if "const" in branch:
        return frozenset([branch["const"]])
    return frozenset(branch["enum"]) if "enum" in branch else None
