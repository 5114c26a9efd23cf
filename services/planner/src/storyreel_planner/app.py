"""Composition root: settings to parts to room. Only here things are built. Run as `python -m storyreel_planner`."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from storyreel_chassis.artifacts import ArtifactStore
from storyreel_chassis.clock import Clock, SystemClock
from storyreel_chassis.service import parts_of, serve
from storyreel_chassis.work import Room

from storyreel_planner.adapters.model_card import read_card
from storyreel_planner.adapters.openai_writer import Endpoint, OpenAIWriter
from storyreel_planner.domain.director import Director
from storyreel_planner.domain.rules import Rules
from storyreel_planner.domain.state import FilmState
from storyreel_planner.handlers import PlannerWork
from storyreel_planner.metrics import FilmBoard
from storyreel_planner.settings import Settings
from storyreel_planner.watching import WatchedDirector

NAME = "planner"


def main() -> None:
    """Run the planner until SIGTERM."""
    settings = Settings()
    parts = parts_of(NAME, settings.shared)
    serve(build_room(settings, parts.store, SystemClock()), settings.shared, parts)


def build_room(settings: Settings, store: ArtifactStore, clock: Clock) -> Room:
    """The room over a store: the real one in `main`, the twin in tests and simulations."""
    rules, writer, board = rules_of(settings), _writer(settings, store), FilmBoard(clock.now)
    work = PlannerWork(
        store=store,
        card=read_card(settings.model_card),
        rules=rules,
        writer=writer,
        fallback=settings.fallback == "template",
    )
    return Room(
        name=NAME,
        decider=WatchedDirector(Director(rules), board),
        state=FilmState,
        performer=work,
        startup=[_closing(writer)] if writer else [],
        collectors=[board],
    )


def rules_of(settings: Settings) -> Rules:
    """The settings in the words of the domain."""
    return Rules(
        micros_per_device_second=settings.price_micros_per_device_second,
        headroom=settings.price_headroom,
        shot_attempts=settings.shot_attempts,
        plan_attempts=settings.plan_attempts,
        assembly_attempts=settings.assembly_attempts,
        retry_delay_s=settings.retry_delay_seconds,
        write_off_s=settings.write_off_seconds,
        parallel_renders=settings.parallel_renders,
        finishing_s=settings.finishing_seconds,
    )


def _writer(settings: Settings, store: ArtifactStore) -> OpenAIWriter | None:
    """Raises ValueError if the openai backend is chosen without an endpoint or a model."""
    if settings.backend == "template":
        return None
    if not settings.openai_base_url or not settings.openai_model:
        raise ValueError("PLANNER_BACKEND=openai needs PLANNER_OPENAI_BASE_URL and PLANNER_OPENAI_MODEL")
    endpoint = Endpoint(
        base_url=settings.openai_base_url,
        api_key=settings.openai_api_key.get_secret_value(),
        model=settings.openai_model,
        timeout_s=settings.openai_timeout_seconds,
        tries=settings.openai_tries,
        max_tokens=settings.openai_max_tokens,
    )
    return OpenAIWriter(endpoint, store)


def _closing(writer: OpenAIWriter) -> AbstractAsyncContextManager[None]:
    @asynccontextmanager
    async def closing() -> AsyncIterator[None]:
        try:
            yield
        finally:
            await writer.close()

    return closing()
