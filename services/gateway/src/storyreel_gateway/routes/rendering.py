"""Templates and how values read on pages: money, times, durations, words with their colour."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from storyreel_gateway.domain.slots import Line
from storyreel_gateway.domain.tenants import Caller, Scope
from storyreel_gateway.domain.words import money

FOLDER = Path(__file__).parents[1] / "pages"
_TONES = {
    "published": "good", "cleared": "good", "matched": "good", "Valid": "good", "Trusted": "good",
    "failed": "bad", "blocked": "bad", "rejected": "bad", "Invalid": "bad",
    "in_review": "warn", "review": "warn", "drifted": "warn", "awaiting_approval": "warn",
    "cancelled": "quiet", "pending": "quiet", "waiting": "quiet",
}  # fmt: skip
_WORDS = {
    "screening": "Screening", "planning": "Planning", "in_review": "In review", "rendering_preview": "Rendering preview",
    "awaiting_approval": "Waiting for approval", "rendering_final": "Rendering final", "assembling": "Assembling",
    "published": "Published", "failed": "Failed", "blocked": "Blocked", "cancelled": "Cancelled", "rejected": "Refused",
}  # fmt: skip


def page(request: Request, name: str, caller: Caller | None, status: int = 200, **values: Any) -> HTMLResponse:
    """A page, rendered on the server and useful as it is."""
    may_submit = caller is not None and caller.may(Scope.SUBMIT)
    may_review = caller is not None and caller.may(Scope.REVIEW)
    known = {"caller": caller, "path": request.url.path, "may_submit": may_submit, "may_review": may_review}
    return HTMLResponse(_environment().get_template(name).render(known | values), status)


def tone(word: str) -> str:
    """The colour that goes with a word; never the only sign."""
    return _TONES.get(word, "busy")


def status_word(status: str) -> str:
    """A status for people."""
    return _WORDS.get(status, status.replace("_", " ").capitalize())


def when(moment: datetime | str) -> str:
    """A time as the server knows it; pages turn it into local time where scripts run."""
    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return at.astimezone(UTC).strftime("%-d %b %H:%M:%S UTC")


def iso(moment: datetime | str) -> str:
    """The same for machines."""
    return moment if isinstance(moment, str) else moment.isoformat()


def seconds(value: float) -> str:
    """A duration with its unit."""
    return f"{value:.1f} s" if value < 60 else f"{int(value // 60)} min {value % 60:.0f} s"


def size(count: int) -> str:
    """A file's size with its unit."""
    return f"{count / 2**20:.1f} MiB" if count >= 2**20 else f"{max(1, count // 1024)} KiB"


def news(line: Line) -> str:
    """A fact's words, without the shot that the page names beside them."""
    prefix = f"Shot {line.shot_id}: "
    rest = line.text.removeprefix(prefix) if line.shot_id else line.text
    return rest[:1].upper() + rest[1:]


def share(part: int, whole: int) -> int:
    """Per cent, never above a hundred."""
    return min(100, round(100 * part / whole)) if whole else 0


@cache
def _environment() -> Environment:
    loader = FileSystemLoader(FOLDER / "templates")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"money": money, "when": when, "iso": iso, "seconds": seconds, "size": size}
    environment.filters |= {"tone": tone, "status_word": status_word, "news": news}
    environment.globals |= {"share": share}
    return environment
