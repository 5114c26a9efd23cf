"""JSON logs, one event a line, each with the film, event and attempt at hand."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from pythonjsonlogger.json import JsonFormatter

_context: ContextVar[dict[str, object] | None] = ContextVar("log_context", default=None)


class _Context(logging.Filter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def filter(self, record: logging.LogRecord) -> bool:
        for name, value in {"service": self._service, **(_context.get() or {})}.items():
            setattr(record, name, value)
        return True


def configure(service: str, level: str) -> None:
    """Send all logs of the process to stderr as JSON."""
    handler = logging.StreamHandler()
    fields = "{asctime}{levelname}{name}{message}"
    handler.setFormatter(JsonFormatter(fields, style="{", rename_fields={"asctime": "time", "levelname": "level"}))
    handler.addFilter(_Context(service))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("aiokafka", "botocore", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


@contextmanager
def about(**fields: object) -> Iterator[None]:
    """Put these fields on every line logged inside."""
    token = _context.set({**(_context.get() or {}), **fields})
    try:
        yield
    finally:
        _context.reset(token)
