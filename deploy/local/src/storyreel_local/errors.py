"""What went wrong, said once: a sentence with the fact, and a sentence with the remedy.

Raised by every module here, printed by the CLI.
"""

from __future__ import annotations


class TroubleError(Exception):
    """A failure that a newcomer can act on. `what` states the fact; `remedy` says what to do about it."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what} {remedy}")
        self.what = what
        self.remedy = remedy
