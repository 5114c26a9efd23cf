"""Addresses of what is built: the hash of all inputs, through the contract's canonical JSON."""

from dataclasses import asdict, is_dataclass
from typing import Any

from storyreel_contracts.base import build_key


def key_of(kind: str, inputs: Any) -> str:
    """SHA-256 (64 hexadecimal digits) of a dataclass or JSON-able value; equal inputs give equal keys."""
    plain = asdict(inputs) if is_dataclass(inputs) and not isinstance(inputs, type) else inputs
    return build_key(kind, plain)
