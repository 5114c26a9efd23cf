"""Where contracts come from: a folder, or a release in git."""

import json
import subprocess
from pathlib import Path

from storyreel_contracts.tools.gate import Release
from storyreel_contracts.tools.nodes import Json

SCHEMAS, EXAMPLES = "schemas", "examples"
_SUFFIX = ".schema.json"


class UnknownReleaseError(LookupError):
    """Neither a folder nor a name that git knows."""


def from_folder(folder: Path, name: str = "") -> Release:
    """The contract in a folder with `schemas/` and `examples/`."""
    schemas = {p.name.removesuffix(_SUFFIX): _json(p.read_text()) for p in (folder / SCHEMAS).glob(f"*{_SUFFIX}")}
    examples = {f"{p.parent.name}/{p.name}": p.read_text() for p in (folder / EXAMPLES).glob("*/*.json")}
    return Release(name or str(folder), schemas, examples)


def from_git(root: Path, ref: str) -> Release:
    """The contract as it stood at a git reference. Raises UnknownReleaseError."""
    try:
        files = _git(root, "ls-tree", "-r", "--name-only", ref, "--", SCHEMAS, EXAMPLES).splitlines()
    except subprocess.CalledProcessError as e:
        raise UnknownReleaseError(f"{ref} is neither a folder nor a commit that git knows") from e
    texts = {Path(f): _git(root, "show", f"{ref}:./{f}") for f in files}
    schemas = {p.name.removesuffix(_SUFFIX): _json(t) for p, t in texts.items() if p.name.endswith(_SUFFIX)}
    examples = {f"{p.parent.name}/{p.name}": t for p, t in texts.items() if p.parts[0] == EXAMPLES}
    return Release(ref, schemas, examples)


def find(root: Path, against: str) -> Release:
    """A release by folder or git reference. Raises UnknownReleaseError."""
    folder = Path(against)
    return from_folder(folder) if (folder / SCHEMAS).is_dir() else from_git(root, against)


def tags(root: Path) -> list[str]:
    """Release tags (v1.2.3), oldest first; none where there is no git or no repository."""
    try:
        return _git(root, "tag", "--list", "v[0-9]*", "--sort=v:refname").split()
    except (subprocess.CalledProcessError, FileNotFoundError):
        return []


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own arguments


def _json(text: str) -> Json:
    loaded: Json = json.loads(text)
    return loaded
