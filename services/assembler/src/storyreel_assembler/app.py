"""Composition root: settings to parts to room. Only here things are built."""

import asyncio
import logging

from storyreel_chassis.artifacts import ArtifactStore
from storyreel_chassis.service import parts_of, serve
from storyreel_chassis.work import Room

from storyreel_assembler.adapters import provenance
from storyreel_assembler.adapters.cutting import Room as CuttingRoom
from storyreel_assembler.adapters.publishing import Press
from storyreel_assembler.adapters.workshop import Workshop
from storyreel_assembler.domain.decider import AssemblerDecider, State
from storyreel_assembler.handlers import Jobs
from storyreel_assembler.settings import Settings

NAME = "assembler"
log = logging.getLogger(__name__)


def build(settings: Settings, store: ArtifactStore) -> Room:
    """The room over a store: the real one in `main`, the twin in tests."""
    workshop = Workshop(settings.workers)
    credentials, development = _signer(settings)
    cutting = CuttingRoom(store, workshop, settings.scratch_dir, asyncio.Semaphore(settings.cuts_at_once))
    press = Press(store, workshop, credentials, development, settings.scratch_dir)
    return Room(
        name=NAME,
        decider=AssemblerDecider(),
        state=State,
        performer=Jobs(cutting, press),
        startup=[workshop],
    )


def main() -> None:
    """Run the service until SIGTERM."""
    settings = Settings()
    parts = parts_of(NAME, settings.shared)
    serve(build(settings, parts.store), settings.shared, parts)


def _signer(settings: Settings) -> tuple[provenance.Credentials, bool]:
    if settings.signing_chain and settings.signing_key and settings.signing_anchors:
        return provenance.given_credentials(settings.signing_chain, settings.signing_key, settings.signing_anchors), False
    log.warning("no signer is configured: films are signed by a development authority in %s", settings.development_signing_dir)
    return provenance.development_credentials(settings.development_signing_dir), True
