"""Identities are derived from causes, so doing a thing twice names it once."""

from uuid import UUID, uuid5

NAMESPACE = UUID("6f1d2f0e-6a55-5c0b-9c55-0d6a6f3a7b11")


def film_id(tenant_id: str, brief_event_id: str) -> str:
    """Film that a tenant's brief makes: uuid5(NAMESPACE, "film:<tenant>:<brief event id>")."""
    return str(uuid5(NAMESPACE, f"film:{tenant_id}:{brief_event_id}"))


def event_id(cause_id: str, type_: str, discriminator: str = "") -> str:
    """Id of the fact that `cause_id` brought about; the same cause always gives the same id."""
    return str(uuid5(NAMESPACE, f"event:{cause_id}:{type_}:{discriminator}"))


def outcome_key(film_id_: str, version: int) -> str:
    """Object key that a writer of a terminal fact claims first; the store lets one writer win."""
    return f"outcomes/{film_id_}/v{version}"
