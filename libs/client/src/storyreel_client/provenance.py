"""Says what a file proves about its origin (C2PA), in words that do not promise too much.

`Trusted` needs an anchor: a certificate that the caller trusts already. Without one the best answer is `Valid`: the
file is unchanged since it was signed, and nobody vouches for who signed it.
"""

import json
import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import file_digest
from pathlib import Path
from typing import Any

import c2pa

from storyreel_client.errors import NotFoundError, UsageError, VerificationError

SIGNABLE = (".mp4", ".jpg", ".jpeg", ".png", ".mov", ".m4a", ".wav")
ANCHOR_NAME, MANIFEST_NAME = "c2pa-anchor.pem", "manifest.json"
MISMATCH = "manifest.sha256.mismatch"


class State(StrEnum):
    """What verification found, best first."""

    TRUSTED = "trusted"  # unchanged, and the anchor vouches for the signer
    VALID = "valid"  # unchanged, signer not vouched for
    UNSIGNED = "unsigned"  # carries no manifest
    INVALID = "invalid"  # changed after signing, or the signature is broken


_WORDS = {
    State.TRUSTED: "Unchanged since it was signed, and the anchor vouches for the signer.",
    State.VALID: "Unchanged since it was signed, but nobody vouches for the signer (no anchor, or another one).",
    State.UNSIGNED: "Carries no manifest: nothing can be said about its origin.",
    State.INVALID: "Changed after it was signed, or its signature is broken. Do not use it.",
}


@dataclass(frozen=True, kw_only=True)
class Report:
    """Result for one file. `problems` are the verifier's own codes."""

    file: Path
    state: State
    signer: str = ""
    title: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    problems: Sequence[str] = ()

    @property
    def ok(self) -> bool:
        """Whether the file is unchanged and its signer vouched for."""
        return self.state is State.TRUSTED

    @property
    def words(self) -> str:
        """The result in a sentence."""
        if MISMATCH in self.problems:
            return f"Not the file that {MANIFEST_NAME} lists. Do not use it."
        return _WORDS[self.state]

    def as_row(self) -> dict[str, Any]:
        """What a list shows."""
        row = {"file": str(self.file), "state": self.state.value, "signer": self.signer, "title": self.title}
        return {**row, "meaning": self.words, "problems": list(self.problems)}


def verify(file: Path, anchors_pem: str = "") -> Report:
    """Verify one file against the PEM anchors. Raises NotFoundError, or UsageError for a kind of file without C2PA."""
    if not file.is_file():
        raise NotFoundError(f"There is no file {file}.", next_step="Name a film or a folder that `storyreel submit` wrote.")
    media_type = mimetypes.guess_type(file.name)[0]
    if file.suffix.lower() not in SIGNABLE or media_type is None:
        raise UsageError(
            f"{file.name} is of a kind that carries no C2PA manifest.", next_step=f"Name one of {', '.join(SIGNABLE)}."
        )
    try:
        with file.open("rb") as stream, _reader(media_type, stream, anchors_pem) as reader:
            return _report(file, reader)
    except c2pa.C2paError.ManifestNotFound:
        return Report(file=file, state=State.UNSIGNED)
    except c2pa.C2paError as e:
        return Report(file=file, state=State.INVALID, problems=(str(e),))


def verify_all(place: Path, anchors_pem: str = "") -> list[Report]:
    """Verify a file, or every film (.mp4) in a folder and all files against its `manifest.json`.

    Raises NotFoundError if the folder has no film.
    """
    if not place.is_dir():
        return [verify(place, anchors_pem)]
    films = sorted(place.glob("*.mp4"))
    if not films:
        raise NotFoundError(f"There is no film in {place}.", next_step="Name the folder out/<film_id>.")
    return [*(verify(f, anchors_pem) for f in films), *_strangers(place)]


def delivered_anchor(folder: Path) -> tuple[str, str]:
    """Name of the file and PEM of an anchor that came with the film, as development signers send one; or two empty texts."""
    if (folder / ANCHOR_NAME).is_file():
        return ANCHOR_NAME, read_anchor(folder / ANCHOR_NAME)
    section = _manifest(folder).get("provenance")
    pem = section.get("anchors_pem") if isinstance(section, dict) else None
    return (MANIFEST_NAME, str(pem)) if pem else ("", "")


def _strangers(folder: Path) -> list[Report]:
    """Files that are not what the manifest lists. Signed films included: the signature is theirs, the list is the film's."""
    listed = _manifest(folder).get("files")
    wanted = {n: f.get("sha256") for n, f in listed.items() if isinstance(f, dict)} if isinstance(listed, dict) else {}
    known = {n: _sha256(folder / n) for n in wanted if (folder / n).is_file()}
    wrong = [n for n, digest in known.items() if digest != wanted[n]]
    return [Report(file=folder / n, state=State.INVALID, problems=(MISMATCH,)) for n in wrong]


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / MANIFEST_NAME).read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as e:
        raise VerificationError(
            f"{folder / MANIFEST_NAME} is not JSON.", meaning="It was changed or is torn.", next_step="Fetch the film again."
        ) from e
    return found if isinstance(found, dict) else {}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def read_anchor(path: Path) -> str:
    """PEM certificates of a file. Raises UsageError if it cannot be read or holds none."""
    try:
        pem = path.read_text()
    except (OSError, ValueError) as e:
        raise UsageError(f"The trust anchor {path} cannot be read: {e}.", next_step="Name a PEM file.") from e
    if "-----BEGIN CERTIFICATE-----" not in pem:
        raise UsageError(f"The trust anchor {path} holds no PEM certificate.", next_step="Name a PEM file.")
    return pem


def _reader(media_type: str, stream: Any, anchors_pem: str) -> Any:
    settings: dict[str, Any] = {"verify": {"verify_trust": True}}
    if anchors_pem:
        settings["trust"] = {"trust_anchors": anchors_pem}
    return c2pa.Reader(media_type, stream, context=c2pa.Context.from_dict(settings))


def _report(file: Path, reader: Any) -> Report:
    manifest = reader.get_active_manifest() or {}
    found = json.loads(reader.json())
    problems = tuple(s["code"] for s in found.get("validation_status") or ())
    signature = manifest.get("signature_info") or {}
    return Report(
        file=file,
        state=_STATES.get(reader.get_validation_state() or "", State.INVALID),
        signer=", ".join(v for v in (signature.get("common_name"), signature.get("issuer")) if v),
        title=manifest.get("title") or "",
        claims={a["label"]: a.get("data") for a in manifest.get("assertions") or ()},
        problems=problems,
    )


_STATES = {"Trusted": State.TRUSTED, "Valid": State.VALID}
