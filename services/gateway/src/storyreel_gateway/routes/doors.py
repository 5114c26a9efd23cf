"""What every route may use, and who is asking. Built once by `app`, found on the application's state."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from fastapi import Request
from storyreel_contracts import FilmStatus

from storyreel_gateway.domain.ports import Clock, FilmLog, Films, Index, Pictures, Publisher, Store, Tenants
from storyreel_gateway.domain.presenting import film_view
from storyreel_gateway.domain.sessions import COOKIE, unseal
from storyreel_gateway.domain.state import FilmState
from storyreel_gateway.domain.tenants import Caller, Scope
from storyreel_gateway.domain.view import FilmView
from storyreel_gateway.routes.problems import ProblemError
from storyreel_gateway.workflows.briefs import Desk
from storyreel_gateway.workflows.claims import Claims
from storyreel_gateway.workflows.once import Once
from storyreel_gateway.workflows.uploads import Uploads

_CATCH_UP_S = 2.0  # how long an answer waits for the read model to show what was just written


@dataclass(frozen=True, kw_only=True)
class Options:
    """Figures and secrets from the settings."""

    session_secret: bytes
    dry_run_wait_s: float = 25.0
    streams_per_tenant: int = 100
    ping_s: float = 15.0
    media_origins: str = ""
    secure_cookies: bool = False


@dataclass(frozen=True, kw_only=True)
class Doors:
    """Ports and workflows of the HTTP side."""

    tenants: Tenants
    films: Films
    log: FilmLog
    index: Index
    store: Store
    publisher: Publisher
    pictures: Pictures
    clock: Clock
    uploads: Uploads
    desk: Desk
    claims: Claims
    once: Once
    options: Options
    streams: Counter[str] = field(default_factory=Counter)  # open event streams by tenant

    async def film(self, caller: Caller, film_id: str) -> FilmState:
        """The caller's film. A stranger's film and one that never was are the same 404."""
        state = await self.films.state(film_id)
        if state is None and await self.index.film_at(caller.tenant.id, film_id) is not None:
            state = FilmState(film_id=film_id, tenant_id=caller.tenant.id)
        if state is None or state.tenant_id != caller.tenant.id:
            raise ProblemError("not-found", "There is no such film of yours.")
        return state

    async def until(self, film_id: str, done: Callable[[FilmState], bool], seconds: float = _CATCH_UP_S) -> FilmState | None:
        """The film once the read model shows what is awaited; None if it does not in time."""
        end, after = self.clock.monotonic() + seconds, await self.log.last(film_id)
        while True:
            state = await self.films.state(film_id)
            if state is not None and done(state):
                return state
            left = end - self.clock.monotonic()
            if left <= 0:
                return None
            entries = await self.log.read(film_id, after, min(left, 0.25))
            after = entries[-1][0] if entries else after


def view_of(state: FilmState) -> FilmView:
    """The film for outsiders; one whose first fact is still on its way is shown as accepted."""
    view = film_view(state)
    if view.status != FilmStatus.UNKNOWN:
        return view
    return view.model_copy(update={"status": FilmStatus.SCREENING, "detail": "The brief was accepted."})


def doors_of(request: Request) -> Doors:
    """The doors of this application."""
    doors: Doors = request.app.state.doors
    return doors


def require(scope: Scope) -> Callable[[Request], Awaitable[Caller]]:
    """Dependency: whoever asks, if the key's role covers the scope. 401 without a key, 403 with the wrong one."""

    async def dependency(request: Request) -> Caller:
        caller = identify(request)
        if caller is None:
            raise ProblemError("unauthorized", "No valid key was sent.", headers={"www-authenticate": "Bearer"})
        if not caller.may(scope):
            raise ProblemError("forbidden", f"A {caller.role} key may not {scope}.")
        return caller

    return dependency


def identify(request: Request, *, by_cookie: bool | None = None) -> Caller | None:
    """Whoever asks: by key always, by the pages' cookie where nothing is changed (or where the page allows it)."""
    doors = doors_of(request)
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and key.strip():
        return doors.tenants.now().caller(key.strip())
    safe = request.method in {"GET", "HEAD"} if by_cookie is None else by_cookie
    digest = unseal(request.cookies.get(COOKIE, ""), doors.options.session_secret, doors.clock.now()) if safe else None
    return doors.tenants.now().caller_by_hash(digest) if digest else None
