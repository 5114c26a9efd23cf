"""The read model behind HTTP: the very folds that the chassis keeps for this room."""

from storyreel_chassis.folds import FoldStore

from storyreel_gateway.domain.state import FilmState


class FoldedFilms:
    """Films as the fold store has them; one more read per request, nothing kept here."""

    def __init__(self, folds: FoldStore) -> None:
        self._folds = folds

    async def state(self, film_id: str) -> FilmState | None:
        """What is known of a film; None if no fact of it was read yet. Raises Unavailable."""
        fold = (await self._folds.load(film_id)).fold
        if fold.state is None:
            return None
        state = FilmState.model_validate(fold.state)
        return state if state.film_id else None
