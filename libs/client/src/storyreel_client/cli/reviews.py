"""`review ls|approve|reject`: what waits for a person."""

from typing import Annotated

import typer

from storyreel_client.cli.session import Session, session_of
from storyreel_client.errors import Exit
from storyreel_client.views import Review

commands = typer.Typer(help="Reviews that wait for a person.", no_args_is_help=True)
ReviewId = Annotated[str, typer.Argument(metavar="REVIEW", help="The review's id.")]
Note = Annotated[str, typer.Option(help="Why; kept with the film.")]


@commands.command("ls")
def list_reviews(context: typer.Context) -> int:
    """List open reviews, next due first."""
    session = session_of(context)

    async def ask() -> list[Review]:
        async with session.studio() as studio:
            return await studio.reviews()

    rows = [_row(r) for r in session.run(ask())]
    columns = ("review_id", "film_id", "subject", "due_at", "why")
    session.output.rows("review", rows, columns, none="Nothing waits for a review.")
    return Exit.OK


@commands.command()
def approve(context: typer.Context, review: ReviewId, note: Note = "") -> int:
    """Let it pass."""
    return _decide(session_of(context), review, "approve", note)


@commands.command()
def reject(context: typer.Context, review: ReviewId, note: Note = "") -> int:
    """Stop it."""
    return _decide(session_of(context), review, "reject", note)


def _decide(session: Session, review: str, decision: str, note: str) -> int:
    async def ask() -> None:
        async with session.studio() as studio:
            await studio.decide(review, decision, note)

    session.run(ask())
    said = "approved" if decision == "approve" else "rejected"
    session.output.say("decided", f"Review {review}: {said}.", review_id=review, decision=decision)
    return Exit.OK


def _row(review: Review) -> dict[str, object]:
    subject = f"shot {review.shot_id}" if review.shot_id else review.subject
    why = "; ".join(str(f.get("explanation", "")) for f in review.findings)
    return {**review.model_dump(mode="json"), "subject": subject, "why": why}
