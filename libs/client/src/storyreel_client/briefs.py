"""Brief files: read, check before anything is uploaded, replace local files by uploaded artifacts.

A reference in a brief file may name a local file (`"file": "product.png"`) where the contract wants an `artifact`.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from storyreel_contracts import ArtifactRef, Brief, Problem, problems_of

from storyreel_client.errors import BriefError, UsageError

Document = dict[str, Any]
Upload = Callable[[Path], Awaitable[ArtifactRef]]
_PENDING = {"uri": "s3://pending/upload", "sha256": "0" * 64, "size": 0, "media_type": "application/octet-stream"}


@dataclass(frozen=True)
class BriefFile:
    """A brief as it stands on disk; paths in it are relative to its folder."""

    document: Document
    folder: Path

    def local_files(self) -> dict[int, Path]:
        """Local file of each reference that names one, by the reference's index."""
        return {i: self.folder / r["file"] for i, r in enumerate(_references(self.document)) if r.get("file")}

    def check(self) -> Brief:
        """The brief with stand-ins for what is not uploaded yet. Raises BriefError naming every wrong field."""
        missing = [_missing(i, path) for i, path in self.local_files().items() if not path.is_file()]
        if missing:
            raise BriefError("The brief names files that are not there.", missing)
        return _brief(_with_artifacts(self.document, dict.fromkeys(self.local_files(), _PENDING)))

    async def resolve(self, upload: Upload) -> Brief:
        """The complete brief: every local file uploaded and named as an artifact. Checks before it uploads."""
        self.check()
        stored = {i: (await _uploaded(upload, i, path)).model_dump(mode="json") for i, path in self.local_files().items()}
        return _brief(_with_artifacts(self.document, stored))


def load(path: Path) -> BriefFile:
    """Read a brief file, or `brief.json` in a folder. Raises UsageError or BriefError."""
    file = path / "brief.json" if path.is_dir() else path
    try:
        document = json.loads(file.read_bytes())
    except OSError as e:
        raise UsageError(
            f"{file} cannot be read: {e.strerror or e}.",
            meaning="No film was started.",
            next_step="Name a brief, such as examples/briefs/sneaker-launch.",
        ) from e
    except ValueError as e:
        problem = Problem(field="brief", reason=f"is not JSON: {e}", remedy="send a JSON object encoded as UTF-8")
        raise BriefError(f"{file} is not JSON.", [problem]) from e
    if not isinstance(document, dict):
        problem = Problem(field="brief", reason="is not a JSON object", remedy="send a JSON object encoded as UTF-8")
        raise BriefError(f"{file} is not a JSON object.", [problem])
    return BriefFile(document, file.parent)


async def _uploaded(upload: Upload, index: int, path: Path) -> ArtifactRef:
    try:
        return await upload(path)
    except BriefError as e:  # the gateway names the field of the upload; people look for it in the brief
        field = f"references[{index}].file"
        raise BriefError(f"{path.name}: {e.what}", [p.model_copy(update={"field": field}) for p in e.problems]) from e


def _references(document: Document) -> list[Document]:
    found = document.get("references")
    return [r if isinstance(r, dict) else {} for r in found] if isinstance(found, list) else []


def _with_artifacts(document: Document, artifacts: dict[int, Any]) -> Document:
    if not artifacts:
        return document
    references = [
        {**{k: v for k, v in r.items() if k != "file"}, "artifact": artifacts[i]} if i in artifacts else r
        for i, r in enumerate(document["references"])
    ]
    return {**document, "references": references}


def _brief(document: Document) -> Brief:
    try:
        return Brief.model_validate(document)
    except ValidationError as e:
        raise BriefError("The brief breaks its rules.", problems_of(e)) from e


def _missing(index: int, path: Path) -> Problem:
    return Problem(
        field=f"references[{index}].file",
        reason=f"{path} is not there",
        remedy="put the file there, or correct its name",
    )
