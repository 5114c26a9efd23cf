"""Words and marks for people. A mark never stands without its word: colour and shape alone tell some people nothing."""

from datetime import datetime

from storyreel_contracts import FilmStatus

from storyreel_client.views import FilmView, ShotView, Summary

STATUS = {
    FilmStatus.REJECTED: "Brief rejected",
    FilmStatus.SCREENING: "Screening the brief",
    FilmStatus.PLANNING: "Planning",
    FilmStatus.IN_REVIEW: "Waiting for a reviewer",
    FilmStatus.PREVIEW: "Rendering previews",
    FilmStatus.AWAITING_APPROVAL: "Waiting for approval",
    FilmStatus.FINAL: "Rendering finals",
    FilmStatus.ASSEMBLING: "Assembling",
    FilmStatus.PUBLISHED: "Published",
    FilmStatus.FAILED: "Failed",
    FilmStatus.BLOCKED: "Blocked",
    FilmStatus.CANCELLED: "Cancelled",
    FilmStatus.UNKNOWN: "Starting",
}
_MARKS = {"cleared": "✓", "matched": "✓", "blocked": "✗", "drifted": "≈", "review": "?", "pending": "·", "unmatched": "≈"}
_STYLES = {
    "cleared": "green",
    "matched": "green",
    "blocked": "red",
    "drifted": "yellow",
    "review": "yellow",
    "unmatched": "yellow",
}
_STAGES = {"waiting": "waits", "rendered": "rendered", "failed": "lost"}
_TIERS = {"keyframe": "keyframe", "preview": "preview", "final": "final"}


def plain(text: str) -> str:
    """Text that others wrote, on one line and without what a terminal would obey: escape codes, tabs, text turned around."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def status_of(film: Summary) -> str:
    """The film's stage."""
    return STATUS.get(film.status, str(film.status))


def stage_of(shot: ShotView) -> str:
    """The shot's stage, such as `final: denoising`."""
    tier = _TIERS.get(shot.tier, shot.tier)
    doing = _STAGES.get(shot.status) or ("decoding" if shot.steps and shot.step >= shot.steps else "denoising")
    if shot.status == "rendering" and not shot.steps:
        doing = "queued"
    doing = "reused" if shot.reused else doing
    return f"{tier}: {doing}" if tier else doing


def verdict(word: str) -> tuple[str, str]:
    """Mark with its word, and a style."""
    return f"{_MARKS.get(word, '·')} {word}", _STYLES.get(word, "dim")


def finish_of(film: Summary, now: datetime) -> str:
    """Expected finish in local time, or ''. `now` carries its zone."""
    if not film.finish_at or film.done:
        return ""
    try:
        finish = datetime.fromisoformat(film.finish_at)
    except ValueError:
        return ""
    left = round((finish - now).total_seconds())
    if left < 0:
        return f"finish was expected {finish.astimezone():%H:%M:%S}"
    return f"finish {finish.astimezone():%H:%M:%S} (in {left // 60}:{left % 60:02d})"


def name_of(film: FilmView) -> str:
    """Title, or the campaign's reference, or the id."""
    return film.title or film.campaign_ref or film.film_id
