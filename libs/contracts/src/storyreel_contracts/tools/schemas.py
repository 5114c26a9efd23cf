"""JSON Schema snapshots of all facts: what a reader accepts, frozen by every release."""

import json
from pathlib import Path
from typing import Any

from storyreel_contracts.base import Fact
from storyreel_contracts.registry import FACTS

Json = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(fact: type[Fact]) -> Json:
    """Schema of one fact as its readers validate it."""
    return {"$schema": DIALECT, "$id": f"urn:storyreel:{fact.TYPE}", **fact.model_json_schema(mode="validation")}


def snapshot_name(type_: str) -> str:
    """File name of a fact's snapshot."""
    return f"{type_}.schema.json"


def as_text(document: Json) -> str:
    """The document as it is committed: sorted, indented, one newline at the end."""
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write(folder: Path) -> list[str]:
    """Write all snapshots; the names of those that changed. Snapshots of facts that are gone are left for the gate to see."""
    folder.mkdir(parents=True, exist_ok=True)
    changed = drift(folder)
    for type_, fact in FACTS.items():
        (folder / snapshot_name(type_)).write_text(as_text(schema_of(fact)))
    return changed


def drift(folder: Path) -> list[str]:
    """Names of snapshots that differ from the models, are missing, or belong to no fact."""
    wanted = {snapshot_name(t): as_text(schema_of(f)) for t, f in FACTS.items()}
    there = {p.name: p.read_text() for p in folder.glob("*.schema.json")}
    return sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))
