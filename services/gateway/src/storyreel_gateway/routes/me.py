"""Who am I: lets a client check its key before it does anything."""

from fastapi import APIRouter, Request
from storyreel_contracts import Model

from storyreel_gateway.routes.films import Reader

router = APIRouter(prefix="/v1", tags=["keys"])


class Me(Model):
    """The tenant and role of the key."""

    tenant_id: str
    name: str
    role: str


@router.get("/me")
async def me(request: Request, caller: Reader) -> Me:  # noqa: ARG001 - one signature for all routes
    """The tenant and role of the key."""
    return Me(tenant_id=caller.tenant.id, name=caller.tenant.name, role=caller.role)
