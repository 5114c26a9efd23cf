"""The tenants' file: read at start, and again when it changes, so that keys rotate without a restart."""

import logging
from pathlib import Path

from pydantic import ValidationError

from storyreel_gateway.domain.tenants import TenantList

log = logging.getLogger(__name__)


class TenantsFile:
    """Raises at start if the file cannot be read; a later bad edit keeps the last good list and is logged as an error."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = self._read_stamp()
        self._tenants = TenantList.model_validate_json(path.read_bytes())

    def now(self) -> TenantList:
        """All tenants as the file has them."""
        stamp = self._read_stamp()
        if stamp != self._stamp:
            self._stamp = stamp
            self._reload()
        return self._tenants

    def _reload(self) -> None:
        try:
            self._tenants = TenantList.model_validate_json(self._path.read_bytes())
        except (OSError, ValidationError):
            log.exception("%s cannot be read; the tenants stay as they were", self._path)

    def _read_stamp(self) -> tuple[int, int]:
        try:
            stat = self._path.stat()
        except OSError:
            return (0, 0)
        return (stat.st_mtime_ns, stat.st_size)
