"""Sign-in cookies of the pages: who, until when, sealed with the server's own secret. The API key itself is not in it."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import compare_digest, new

COOKIE = "storyreel_session"
LIFETIME = timedelta(hours=12)


def seal(key_sha256: str, secret: bytes, now: datetime) -> str:
    """Value of the cookie for whoever holds the key with this hash."""
    until = str(int((now + LIFETIME).timestamp()))
    return f"{key_sha256}.{until}.{_mac(key_sha256, until, secret)}"


def unseal(value: str, secret: bytes, now: datetime) -> str | None:
    """The key's hash, or None if the cookie is forged, torn or too old."""
    key_sha256, _, rest = value.partition(".")
    until, _, mac = rest.partition(".")
    if not compare_digest(mac.encode(), _mac(key_sha256, until, secret).encode()):
        return None
    return key_sha256 if datetime.fromtimestamp(int(until), UTC) > now else None


def _mac(key_sha256: str, until: str, secret: bytes) -> str:
    return new(secret, f"{key_sha256}.{until}".encode(), sha256).hexdigest()
