"""Seeds as functions of their inputs. Used by `composing`, `editing` and `specs`."""

from hashlib import sha256


def derive_seed(*parts: object) -> int:
    """A seed (31 bits) that depends on all parts and nothing else."""
    return int.from_bytes(sha256(":".join(map(str, parts)).encode()).digest()[:4], "big") % 2**31
