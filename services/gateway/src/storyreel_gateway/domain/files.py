"""Names under which a film's artifacts can be had."""

from collections.abc import Iterator

from storyreel_contracts import ArtifactRef, Finding

from storyreel_gateway.domain.shots import take_name
from storyreel_gateway.domain.slots import Assembled
from storyreel_gateway.domain.state import FilmState
from storyreel_gateway.domain.view import File


def artifacts_of(film: FilmState) -> dict[str, ArtifactRef]:
    """Every artifact of the film by name: published files, the newest previews, every take, evidence."""
    found = dict(_evidence(film))
    for number in sorted(film.versions):
        found |= dict(_takes(film, number))
        found |= dict(_previews(film, number))
        outcome = film.versions[number].outcome
        found |= outcome.files if outcome is not None else {}
    return found


def files_of(film: FilmState) -> dict[str, File]:
    """The same for outsiders: no storage address, a link instead."""
    return {name: _file(film.film_id, name, ref) for name, ref in sorted(artifacts_of(film).items())}


def published_of(film: FilmState) -> dict[str, File]:
    """Files of the newest published version; none before there is one."""
    for number in sorted(film.versions, reverse=True):
        outcome = film.versions[number].outcome
        if outcome is not None and outcome.files:
            return {name: _file(film.film_id, name, ref) for name, ref in sorted(outcome.files.items())}
    return {}


def evidence_names(review_id: str, findings: list[Finding]) -> list[str]:
    """Names of a review's evidence pictures."""
    return [_evidence_name(review_id, i, f) for i, f in enumerate(findings) if f.evidence is not None]


def _evidence_name(review_id: str, index: int, finding: Finding) -> str:
    kind = finding.evidence.media_type if finding.evidence else ""
    return f"evidence-{review_id}-{index}.{'jpg' if kind == 'image/jpeg' else 'png'}"


def _file(film_id: str, name: str, ref: ArtifactRef) -> File:
    href = f"/v1/films/{film_id}/artifacts/{name}"
    return File(media_type=ref.media_type, size=ref.size, sha256=ref.sha256, href=href)


def _takes(film: FilmState, number: int) -> Iterator[tuple[str, ArtifactRef]]:
    for take in film.versions[number].takes.values():
        if take.end is not None and take.end.artifact is not None:
            yield take_name(number, take), take.end.artifact


def _previews(film: FilmState, number: int) -> Iterator[tuple[str, ArtifactRef]]:
    for tier, cut in film.versions[number].assembled.items():
        yield from _cut(tier, cut)


def _cut(tier: str, cut: Assembled) -> Iterator[tuple[str, ArtifactRef]]:
    for rendition in cut.renditions:
        yield f"{tier}-{rendition.aspect.replace(':', 'x')}.mp4", rendition.artifact
    yield f"{tier}-captions.vtt", cut.captions
    yield f"{tier}-thumbnail.jpg", cut.thumbnail
    yield f"{tier}-timeline.otio", cut.timeline


def _evidence(film: FilmState) -> Iterator[tuple[str, ArtifactRef]]:
    for version in film.versions.values():
        for review_id, review in version.reviews.items():
            for i, finding in enumerate(review.asked.fact.findings if review.asked else []):
                if finding.evidence is not None:
                    yield _evidence_name(review_id, i, finding), finding.evidence
