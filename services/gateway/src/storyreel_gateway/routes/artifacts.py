"""Downloads: a redirect to the store for files, small pictures from here."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from storyreel_contracts import ArtifactRef

from storyreel_gateway.domain.files import artifacts_of, files_of
from storyreel_gateway.domain.shots import shot_of
from storyreel_gateway.domain.view import File
from storyreel_gateway.routes.doors import Doors, doors_of
from storyreel_gateway.routes.films import Reader
from storyreel_gateway.routes.problems import ProblemError

router = APIRouter(prefix="/v1/films", tags=["films"])
URL_SECONDS = 900
THUMBNAIL_WIDTH = 320


@router.get("/{film_id}/artifacts")
async def artifacts(request: Request, caller: Reader, film_id: str) -> dict[str, File]:
    """All files of the film by name."""
    return files_of(await doors_of(request).film(caller, film_id))


@router.get("/{film_id}/artifacts/{name}", status_code=307, response_class=RedirectResponse)
async def artifact(request: Request, caller: Reader, film_id: str, name: str) -> RedirectResponse:
    """Where the file is, for a quarter of an hour."""
    doors = doors_of(request)
    ref = artifacts_of(await doors.film(caller, film_id)).get(name)
    if ref is None:
        raise ProblemError("not-found", "The film has no such file.")
    url = await doors.store.presign_get(ref, URL_SECONDS, name)
    return RedirectResponse(url, 307, headers={"cache-control": "no-store", "referrer-policy": "no-referrer"})


@router.get("/{film_id}/shots/{shot_id}/thumbnail.jpg", response_class=Response)
async def thumbnail(request: Request, caller: Reader, film_id: str, shot_id: str) -> Response:
    """The middle frame of the shot's newest take. 404 while there is none."""
    doors = doors_of(request)
    film = await doors.film(caller, film_id)
    shot = shot_of(film, film.newest, shot_id)
    take = artifacts_of(film).get(shot.artifact) if shot is not None else None
    if take is None:
        raise ProblemError("not-found", "The shot has no take yet.")
    picture = await _picture(doors, caller.tenant.id, take)
    return Response(picture, media_type="image/jpeg", headers={"cache-control": "private, max-age=3600"})


async def _picture(doors: Doors, tenant_id: str, take: ArtifactRef) -> bytes:
    key = f"keys/thumbnails/{tenant_id}/{take.sha256}-{THUMBNAIL_WIDTH}"
    known = await doors.store.recall(key)
    if known is not None:
        return known
    try:
        picture = await doors.pictures.middle_frame(await doors.store.get(take), THUMBNAIL_WIDTH)
    except ValueError as error:
        raise ProblemError("not-found", "The take shows no picture.") from error
    return await doors.store.remember(key, picture)
