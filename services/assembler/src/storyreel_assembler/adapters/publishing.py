"""Publishing, once: sign every aspect, verify, write the manifest, store the record, claim the version's outcome."""

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from storyreel_chassis.artifacts import ArtifactStore
from storyreel_chassis.errors import Permanent, Transient
from storyreel_contracts import ArtifactRef, FailureKind, Provenance, Rendition, canonical_json
from storyreel_contracts.ids import outcome_key

from storyreel_assembler.adapters.cutting import assembled_key
from storyreel_assembler.adapters.job import VIDEO
from storyreel_assembler.adapters.provenance import Credentials, Untrusted, Verified, sign
from storyreel_assembler.adapters.workshop import Workshop
from storyreel_assembler.domain.film import slug
from storyreel_assembler.domain.keys import key_of
from storyreel_assembler.domain.paper import AI_SOURCE, shots_of, statement, voice_of
from storyreel_assembler.domain.reading import film_of
from storyreel_assembler.domain.work import Cut, Dropped, Publish, Published

CLAIM = b"published"  # the word that whoever loses the version's outcome to us reads there


@dataclass(frozen=True)
class Press:
    """The `Press` over a store, a workshop and a signer. `development`: the signer is a locally made authority's."""

    store: ArtifactStore
    workshop: Workshop
    credentials: Credentials
    development: bool
    scratch: Path | None = None

    async def publish(self, work: Publish) -> Published | Dropped:
        """See `domain.ports.Press`. What was stored first is what is published, whoever signed it."""
        outcome = outcome_key(work.film_id, work.cut.version)
        if await self.store.recall(outcome) not in {None, CLAIM}:
            return Dropped(reason="this version already has another outcome")
        record = f"keys/publication/{work.tenant_id}/{key_of('publication', [work.film_id, work.cut.version])}"
        known = await self.store.recall(record)
        if known is None:
            made = await self._made(work)
            known = await self.store.remember(record, made.model_dump_json().encode())
        if await self.store.remember(outcome, CLAIM) != CLAIM:
            return Dropped(reason="this version already has another outcome")
        published = Published.model_validate_json(known)
        if published.cut_key != work.cut.cut_key:
            return Dropped(reason="another cut of this version is already published")
        return published

    async def _made(self, work: Publish) -> Published:
        cut = await self._cut(work)
        files: dict[str, ArtifactRef] = {}
        verdicts: dict[str, Verified] = {}
        with TemporaryDirectory(prefix="storyreel-press-", dir=self.scratch) as folder:
            for rendition in cut.renditions:
                name = f"film-{slug(rendition.aspect)}.mp4"
                files[name], verdicts[name] = await self._signed(work, rendition, Path(folder) / name)
        files |= {"captions.vtt": cut.captions, "timeline.otio": cut.timeline, "thumbnail.jpg": cut.thumbnail}
        provenance = _provenance(verdicts)
        manifest = self._manifest(work, cut, files, provenance)
        files["manifest.json"] = await self.store.put(canonical_json(manifest), "application/json")
        return Published(
            cut_key=work.cut.cut_key,
            files=files,
            provenance=provenance,
            cost_micros=sum(shot.cost_micros for shot in work.cut.shots),
        )

    async def _cut(self, work: Publish) -> Cut:
        stored = await self.store.recall(assembled_key(work))
        if stored is None:
            raise Transient(FailureKind.ARTIFACT_MISSING, f"the record of cut {work.cut.cut_key} is not in the store")
        return Cut.model_validate_json(stored)

    async def _signed(self, work: Publish, rendition: Rendition, target: Path) -> tuple[ArtifactRef, Verified]:
        source = target.with_suffix(".plain.mp4")
        await self.store.fetch(rendition.artifact, source)
        says = statement(work.plan.title, work.plan.model.name, version("storyreel-assembler"))
        try:
            verdict = await self.workshop.run("sign", sign, source, target, says, self.credentials)
        except Untrusted as error:
            raise Permanent(FailureKind.INTERNAL, str(error)) from error
        return await self.store.put_file(target, VIDEO), verdict

    def _manifest(self, work: Publish, cut: Cut, files: dict[str, ArtifactRef], provenance: Provenance) -> dict[str, Any]:
        plan = work.plan
        signer: dict[str, Any] = {**provenance.model_dump(), "development": self.development}
        if self.development:
            signer["anchors_pem"] = self.credentials.anchors
        return {
            "schema": "storyreel.manifest/1",
            "film_id": work.film_id,
            "version": work.cut.version,
            "title": plan.title,
            "tier": str(work.cut.tier),
            "cut_key": work.cut.cut_key,
            "fps": plan.fps,
            "frames": plan.frames,
            "digital_source_type": AI_SOURCE,
            "plan_by": plan.backend.model_dump(mode="json"),
            "substitutions": [s.model_dump(mode="json") for s in plan.substitutions],
            "skipped": [s.model_dump(mode="json") for s in plan.skipped],
            "renditions": [r.model_dump(mode="json", exclude={"artifact"}) for r in cut.renditions],
            "shots": shots_of(plan, work.cut, cut.takes),
            "segments": [s.model_dump(mode="json", exclude={"artifact": {"uri"}}) for s in cut.segments],
            "voice": voice_of(film_of(plan)),
            "sound": {name: value for name, value in cut.sound.items() if name != "ref"},
            "warnings": cut.warnings,
            "cost_micros": sum(shot.cost_micros for shot in work.cut.shots),
            "files": {name: {"sha256": ref.sha256, "size": ref.size} for name, ref in files.items()},
            "provenance": signer,
        }


def _provenance(verdicts: dict[str, Verified]) -> Provenance:
    first = next(iter(verdicts.values()))
    return Provenance(state=first.state, issuer=first.issuer, signed=sorted(verdicts))
