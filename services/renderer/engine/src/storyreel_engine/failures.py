"""What can go wrong with a job, in the words of the platform's failure taxonomy; each becomes a `failed` event."""


class EngineError(Exception):
    """A job's failure with a kind that the renderer maps to its `FailureKind` one to one."""

    kind = "internal"


class InvalidInputError(EngineError):
    """The request can never succeed as it stands; the message names the field."""

    kind = "invalid_input"


class OutOfMemoryError(EngineError):
    """The device had no room for this job; a smaller one, or the same one later, may fit."""

    kind = "out_of_memory"


class ModelFaultError(EngineError):
    """The model produced something that is not a picture (not finite, wrong shape) or broke while computing."""

    kind = "model_fault"


class CapacityError(EngineError):
    """The engine holds as many jobs as it admits; another server, or a later moment, may take this one."""

    kind = "capacity"


class StoppingError(EngineError):
    """The server is shutting down; the job can be resumed elsewhere from its last checkpoint."""

    kind = "device_lost"


class ClientGoneError(Exception):
    """Raised by a sender whose client can no longer be reached; the job is dropped, there is nobody to tell."""
