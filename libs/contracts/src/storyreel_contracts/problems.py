"""What is wrong with a brief, in words that name the field, the reason and the remedy."""

import re

from pydantic import Field, ValidationError

from storyreel_contracts.base import Model

_FIELD = re.compile(r"^([a-z_]+(?:\[\d+\])?(?:\.[a-z_]+)*)[: ]")


class Problem(Model):
    """One thing to mend."""

    field: str = Field(description="path of the field, such as storyboard[2].start_s")
    reason: str
    remedy: str


def problems_of(error: ValidationError) -> list[Problem]:
    """Turn pydantic's report into problems; never echoes the offending value (it may be huge or personal)."""
    return [problem_of(tuple(e["loc"]), e["type"], e["msg"]) for e in error.errors(include_input=False, include_url=False)]


def problem_of(loc: tuple[int | str, ...], kind: str, message: str) -> Problem:
    """One line of pydantic's report: where, which rule, in what words."""
    reason = message.removeprefix("Value error, ")
    named = _FIELD.match(reason)
    field = _path(loc)
    if named and field in {"", "body"}:  # a rule over several fields: its message begins with the field at fault
        field = named.group(1)
    field = field or "brief"
    return Problem(field=field, reason=reason, remedy=_REMEDIES.get(kind, "correct the value and send the brief again"))


def _path(loc: tuple[int | str, ...]) -> str:
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


_REMEDIES = {
    "missing": "add the field",
    "string_pattern_mismatch": "write it with the characters and in the form that the pattern allows",
    "string_too_long": "shorten the text to the stated length",
    "less_than_equal": "choose a smaller value",
    "greater_than": "choose a larger value",
    "greater_than_equal": "choose a larger value",
    "value_error": "make the named fields agree and send the brief again",
    "literal_error": "choose one of the listed values",
    "json_invalid": "send a JSON object encoded as UTF-8",
}
