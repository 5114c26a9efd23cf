"""Reads the video model's card: a JSON file beside the weights. Called once by `app`; a bad card stops the service."""

from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError
from storyreel_contracts import ModelCard, Tier

from storyreel_planner.domain.prompts import faults


class BadModelCardError(ValueError):
    """The card cannot be used; the message names the file and what is missing."""


def read_card(path: Path | None) -> ModelCard:
    """The card at `path`, or the null engine's. Raises BadModelCardError."""
    source = files(__package__).joinpath("null_card.json") if path is None else path
    try:
        card = ModelCard.model_validate_json(source.read_bytes())
    except (OSError, ValidationError) as error:
        raise BadModelCardError(f"{source} is no model card: {error}") from error
    lacking = [
        f"{table}.{tier}"
        for tier in card.stages
        for table in ("sizes", "steps", "device_seconds")
        if getattr(card, table).get(tier) in (None, {})
    ]
    if lacking:
        raise BadModelCardError(f"{source} lacks {', '.join(lacking)} for the stages that it names")
    if card.draft_steps and card.draft_steps >= card.steps.get(Tier.FINAL, 0):
        raise BadModelCardError(f"{source} has draft_steps {card.draft_steps}; a draft ends before the final's steps do")
    if card.prompt_writer and (wrong := faults(card.prompt_writer)):
        raise BadModelCardError(f"{source} has a prompt writer that misreads its own sentences: {'; '.join(wrong[:3])}")
    return card
