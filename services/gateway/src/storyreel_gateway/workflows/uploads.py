"""Files on their way in: a form to post to, a look by the sandboxed probe, a place under their hash."""

import re
from hashlib import sha256

from storyreel_contracts import ArtifactRef, Brief, Problem

from storyreel_gateway.domain.media import (
    UPLOAD_TYPES,
    Admitted,
    Limits,
    admitted_key,
    refused,
    role_problem,
    upload_prefix,
)
from storyreel_gateway.domain.ports import Form, Prober, Store
from storyreel_gateway.domain.tenants import Tenant

FORM_SECONDS = 900
_CONTENT = re.compile(r"^s3://[^/]+/sha256/([0-9a-f]{2})/(\1[0-9a-f]{62})$")
_UPLOADED = re.compile(r"^s3://[^/]+/(uploads/[\w.-]+/.+)$")
_ABSENT = "there is no such file of yours in the store"


class RefusedError(Exception):
    """A file that may not be used."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.field}: {problem.reason}")
        self.problem = problem


class Uploads:
    """The way in for files, the same from HTTP and for references in briefs."""

    def __init__(self, store: Store, prober: Prober, limits: Limits) -> None:
        self._store, self._prober, self.limits = store, prober, limits

    async def form(self, tenant: Tenant, upload_id: str, media_type: str) -> Form:
        """Where to post the file; bound to one key, one type and a size. Raises RefusedError for types that we never take."""
        if media_type not in UPLOAD_TYPES:
            raise RefusedError(refused("media_type", f"{media_type[:80]} may not be uploaded"))
        return await self._store.presign_post(_raw_key(tenant, upload_id), self.limits.bytes, media_type, FORM_SECONDS)

    async def complete(self, tenant: Tenant, upload_id: str) -> Admitted:
        """Probe a posted file. Raises RefusedError with the reason; LookupError if nothing was posted."""
        data = await self._store.recall(_raw_key(tenant, upload_id))
        if data is None:
            raise LookupError(upload_id)
        return await self._admit(tenant, data, "file")

    async def with_checked_references(self, tenant: Tenant, brief: Brief) -> tuple[Brief, list[Problem]]:
        """The brief with its references made content-addressed, or what is wrong with them."""
        found, problems = [], []
        for i, reference in enumerate(brief.references):
            try:
                admitted = await self._resolve(tenant, reference.artifact, f"references[{i}].artifact")
            except RefusedError as error:
                problems.append(error.problem)
                continue
            wrong = role_problem(i, reference, admitted.media)
            problems += [wrong] if wrong else []
            found.append(reference.model_copy(update={"artifact": admitted.artifact}))
        return brief.model_copy(update={"references": found}), problems

    async def _resolve(self, tenant: Tenant, ref: ArtifactRef, field: str) -> Admitted:
        content = _CONTENT.match(ref.uri)
        if content is not None and content.group(2) == ref.sha256:
            return await self._known(tenant, ref.sha256, field)
        uploaded = _UPLOADED.match(ref.uri)
        if uploaded is None or not uploaded.group(1).startswith(upload_prefix(tenant)):
            raise RefusedError(refused(field, _ABSENT))
        return await self._uploaded(tenant, uploaded.group(1), ref, field)

    async def _known(self, tenant: Tenant, digest: str, field: str) -> Admitted:
        record = await self._store.recall(admitted_key(tenant, digest))
        if record is None:
            raise RefusedError(refused(field, _ABSENT))
        return Admitted.model_validate_json(record)

    async def _uploaded(self, tenant: Tenant, key: str, ref: ArtifactRef, field: str) -> Admitted:
        data = await self._store.recall(key)
        if data is None:
            raise RefusedError(refused(field, _ABSENT))
        if sha256(data).hexdigest() != ref.sha256:
            raise RefusedError(refused(f"{field}.sha256", "the stored bytes hash otherwise"))
        return await self._admit(tenant, data, field)

    async def _admit(self, tenant: Tenant, data: bytes, field: str) -> Admitted:
        probed = await self._prober.probe(data, self.limits)
        if probed.media is None:
            raise RefusedError(refused(field, probed.reason))
        ref = await self._store.put(data, probed.media.media_type)
        record = Admitted(artifact=ref, media=probed.media).model_dump_json().encode()
        return Admitted.model_validate_json(await self._store.remember(admitted_key(tenant, ref.sha256), record))


def _raw_key(tenant: Tenant, upload_id: str) -> str:
    return f"{upload_prefix(tenant)}{upload_id}"
