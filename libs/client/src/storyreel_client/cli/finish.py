"""What happens once a film has ended: fetch its files, verify them, say what it cost. Shared by `submit` and `watch`."""

from collections.abc import AsyncIterator
from pathlib import Path

from storyreel_client import provenance
from storyreel_client.cli.lines import watcher_for
from storyreel_client.cli.output import Output, money
from storyreel_client.cli.session import Session
from storyreel_client.cli.words import status_of
from storyreel_client.errors import Exit
from storyreel_client.sdk import Storyreel
from storyreel_client.views import FilmView


async def show_until_done(output: Output, views: AsyncIterator[FilmView]) -> FilmView:
    """Show every change; the film as it stood at the end."""
    last = FilmView(film_id="")
    with watcher_for(output) as watcher:
        async for view in views:
            last = view
            watcher.show(view)
    return last


async def conclude(session: Session, studio: Storyreel, film: FilmView, out: Path) -> Exit:
    """Save the files of a published film into `out/<film_id>` and verify them; say why any other film ended."""
    if film.status != "published":
        explain(session.output, film)
        return Exit.FILM_FAILED
    folder = out / film.film_id
    for path in await studio.download_all(film, folder):
        session.output.say("file", f"  {path}", path=str(path), film_id=film.film_id)
    session.output.say(
        "cost", f"Cost {money(film.price_micros)} of {money(film.budget_micros)}.", cost_micros=film.price_micros
    )
    return check_provenance(session, folder)


def explain(output: Output, film: FilmView) -> None:
    """Why there is no film, field by field, and the ways out."""
    output.say("end", f"{status_of(film)}: {film.detail}", film_id=film.film_id, status=str(film.status), detail=film.detail)
    for problem in film.problems:
        output.say("problem", f"  {problem.field}: {problem.reason} ({problem.remedy})", **problem.model_dump())
    for remedy in film.remedies:
        output.say("remedy", f"  Way out: {remedy.explanation}", **remedy.model_dump())


def check_provenance(session: Session, place: Path, anchor: Path | None = None) -> Exit:
    """Verify a file or a folder and say the result; 5 unless every file is trusted."""
    pem, where = find_anchor(session, place, anchor)
    reports = provenance.verify_all(place, pem)
    for report in reports:
        row = {**report.as_row(), "anchor": where}
        session.output.say("provenance", f"{report.file.name}: {report.state.value.upper()}. {_sentence(report, where)}", **row)
    return Exit.OK if all(r.ok for r in reports) else Exit.VERIFICATION


def find_anchor(session: Session, place: Path, anchor: Path | None) -> tuple[str, str]:
    """PEM of the trust anchor and where it came from: given, the stack's own, or delivered with the film."""
    configured = session.stack.trust_anchor
    if anchor is None and configured:
        anchor = Path(configured)
    if anchor is not None:
        return provenance.read_anchor(anchor), str(anchor)
    name, pem = provenance.delivered_anchor(place if place.is_dir() else place.parent)
    return pem, f"{name}, which came with the film" if pem else "none"


def _sentence(report: provenance.Report, where: str) -> str:
    parts = [report.words, f"Signer: {report.signer}." if report.signer else "", f"Anchor: {where}."]
    parts.append(f"Verifier says: {', '.join(report.problems)}." if report.problems else "")
    return " ".join(p for p in parts if p)
