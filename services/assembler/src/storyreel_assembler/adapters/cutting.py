"""The cutting room: from a plan and takes to a finished cut, each piece looked up under its key before it is made."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from storyreel_chassis.artifacts import ArtifactStore
from storyreel_contracts.ids import outcome_key

from storyreel_assembler.adapters.job import Job
from storyreel_assembler.adapters.video import toolchain
from storyreel_assembler.adapters.workshop import Workshop
from storyreel_assembler.domain.keys import key_of
from storyreel_assembler.domain.ports import StillWanted
from storyreel_assembler.domain.reading import film_of
from storyreel_assembler.domain.work import Assemble, Cut, Dropped, Publish


def _inputs(work: Assemble | Publish) -> dict[str, Any]:
    plan = work.plan
    return {
        "title": plan.title,
        "film": key_of("film", film_of(plan)),
        "prompts": [[shot.prompt, shot.negative_prompt] for shot in plan.shots],
        "takes": [shot.model_dump(mode="json") for shot in work.cut.shots],
        "tier": str(work.cut.tier),
    }


def cut_key(work: Assemble) -> str:
    """Where the finished cut is remembered: the hash of all that it is made of and with."""
    return f"keys/cut/{work.tenant_id}/{key_of('cut', [_inputs(work), toolchain()])}"


def assembled_key(work: Assemble | Publish) -> str:
    """Where the answer to this cut request is remembered: what was screened is published, whatever tools come after."""
    answered = [work.film_id, work.cut.version, work.cut.cut_key, _inputs(work)]
    return f"keys/assembled/{work.tenant_id}/{key_of('assembled', answered)}"


@dataclass(frozen=True)
class Room:
    """The `CuttingRoom` over a store and a workshop."""

    store: ArtifactStore
    workshop: Workshop
    scratch: Path | None = None
    at_once: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))

    async def cut(self, work: Assemble, wanted: StillWanted) -> Cut | Dropped:
        """See `CuttingRoom`."""
        answer = assembled_key(work)
        known = await self.store.recall(answer) or await self.store.recall(cut_key(work))
        if known is None:
            made = await self._made(work, wanted)
            if made is None:
                return Dropped(reason="the version ended while its cut was made")
            known = await self.store.remember(cut_key(work), made.model_dump_json().encode())
        return Cut.model_validate_json(await self.store.remember(answer, known))

    async def _made(self, work: Assemble, wanted: StillWanted) -> Cut | None:
        async with self.at_once:
            with TemporaryDirectory(prefix="storyreel-cut-", dir=self.scratch, ignore_cleanup_errors=True) as folder:
                return await Job(self, work, self._still(work, wanted), Path(folder)).run_if_wanted()

    def _still(self, work: Assemble, wanted: StillWanted) -> StillWanted:
        """Asks the fold and, older than every fact about it, the claim of the version's outcome."""
        claim = outcome_key(work.film_id, work.cut.version)

        async def still() -> bool:
            return await wanted() and await self.store.recall(claim) is None

        return still
