"""Who asks, and what they may do. Keys are known by their SHA-256 alone; a leaked tenants' file opens no door over HTTP."""

from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest

from pydantic import Field
from storyreel_contracts import Model
from storyreel_contracts.base import Sha256


class Role(StrEnum):
    """What a key is for."""

    SUBMITTER = "submitter"
    REVIEWER = "reviewer"
    ADMIN = "admin"


class Scope(StrEnum):
    """What a call needs."""

    READ = "read films"
    SUBMIT = "submit and change films"
    REVIEW = "decide reviews"


_SCOPES = {
    Role.SUBMITTER: {Scope.READ, Scope.SUBMIT},
    Role.REVIEWER: {Scope.READ, Scope.REVIEW},
    Role.ADMIN: {Scope.READ, Scope.SUBMIT, Scope.REVIEW},
}


class ApiKey(Model):
    """A key by its hash; two live keys allow rotation."""

    sha256: Sha256
    role: Role
    name: str = Field(default="", max_length=80, description="who holds it, for the record of who decided what")


class Tenant(Model):
    """A customer: keys, signing secrets, policy."""

    id: str = Field(min_length=1, max_length=64, pattern=r"^[\w.-]+$")
    name: str = ""
    api_keys: list[ApiKey] = Field(default_factory=list)
    signing_secrets: list[str] = Field(default_factory=list, repr=False, description="whsec_…; several while rotating")
    policy: str = "default"
    tolerance_s: float = Field(default=86_400, ge=0, description="how old or early a signed brief may be, seconds")


class Caller(Model):
    """Whoever holds a key."""

    tenant: Tenant
    role: Role
    key_sha256: str
    name: str

    def may(self, scope: Scope) -> bool:
        """Whether the role covers the scope."""
        return scope in _SCOPES[self.role]


class TenantList(Model):
    """All tenants, as the tenants' file holds them."""

    tenants: list[Tenant] = Field(default_factory=list)

    def get(self, tenant_id: str) -> Tenant | None:
        """The tenant of this id."""
        return next((tenant for tenant in self.tenants if tenant.id == tenant_id), None)

    def caller(self, presented: str) -> Caller | None:
        """Whoever holds this key. Compares with every key in constant time, so timing tells nothing."""
        return self.caller_by_hash(sha256(presented.encode()).hexdigest())

    def caller_by_hash(self, digest: str) -> Caller | None:
        """The same, where the key's hash is what was kept (sign-in cookies)."""
        found = None
        for tenant in self.tenants:
            for key in tenant.api_keys:
                if compare_digest(key.sha256, digest):
                    name = key.name or f"{key.role} {digest[:8]}"
                    found = Caller(tenant=tenant, role=key.role, key_sha256=digest, name=name)
        return found
