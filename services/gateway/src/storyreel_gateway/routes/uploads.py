"""Uploads: a form bound to one key, one type and a size; then a look by the sandboxed probe."""

import re
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Path, Request
from pydantic import Field
from storyreel_contracts import Model, Problem

from storyreel_gateway.domain.media import Admitted
from storyreel_gateway.routes.doors import doors_of
from storyreel_gateway.routes.films import Submitter
from storyreel_gateway.routes.problems import ProblemError, invalid
from storyreel_gateway.workflows.uploads import RefusedError

router = APIRouter(prefix="/v1/uploads", tags=["uploads"])
_UNSAFE = re.compile(r"[^\w.-]+")


class UploadRequest(Model):
    """A file that someone wants to bring."""

    filename: str = Field(min_length=1, max_length=200)
    media_type: str = Field(min_length=3, max_length=100)
    size: int = Field(ge=1, description="bytes")


class Upload(Model):
    """Post `fields` and the file (last, as `file`) to `url`, then post to `complete`."""

    upload_id: str
    url: str
    fields: dict[str, str]
    max_bytes: int
    complete: str


@router.post("", status_code=201)
async def begin(request: Request, caller: Submitter, body: UploadRequest) -> Upload:
    """Ask for a place to post a file to."""
    doors, limits = doors_of(request), doors_of(request).uploads.limits
    if body.size > limits.bytes:
        reason = f"the file has {body.size} bytes; at most {limits.bytes} are allowed"
        raise invalid([Problem(field="size", reason=reason, remedy="make the file smaller")])
    upload_id = f"{uuid4().hex}-{_UNSAFE.sub('_', body.filename)[-80:]}"
    try:
        form = await doors.uploads.form(caller.tenant, upload_id, body.media_type)
    except RefusedError as error:
        raise invalid([error.problem]) from error
    return Upload(
        upload_id=upload_id,
        url=form["url"],
        fields=form["fields"],
        max_bytes=limits.bytes,
        complete=f"/v1/uploads/{upload_id}/complete",
    )


@router.post("/{upload_id}/complete")
async def complete(
    request: Request, caller: Submitter, upload_id: Annotated[str, Path(pattern=r"^[\w.-]{1,120}$")]
) -> Admitted:
    """Have the file looked at; its reference may then stand in briefs."""
    try:
        return await doors_of(request).uploads.complete(caller.tenant, upload_id)
    except LookupError as error:
        raise ProblemError("not-found", "Nothing of yours was uploaded under this id.") from error
    except RefusedError as error:
        raise invalid([error.problem]) from error
