"""Three kinds of error, three fates: retry (Transient), dead letter (Permanent), crash (anything at start-up)."""

from storyreel_contracts import FailureKind


class WorkError(Exception):
    """Work that did not succeed; `kind` says why in the words of the contract."""

    def __init__(self, kind: FailureKind, reason: str) -> None:
        super().__init__(f"{kind}: {reason}")
        self.kind, self.reason = kind, reason


class Transient(WorkError):  # noqa: N818 - named after its fate
    """May succeed later: the record goes to the next retry topic, after the last one to the dead letters."""


class Permanent(WorkError):  # noqa: N818 - named after its fate
    """Will never succeed as it is: the record goes to the dead letters at once, byte-exact."""


class TooLarge(Exception):  # noqa: N818 - named after the state of the record
    """The broker does not take a record of this size."""


class Unavailable(Exception):  # noqa: N818 - named after the state of the part
    """The fold store or the broker itself is away: nothing can be decided, so records wait where they are."""
