"""Clears or blocks the brief, the plan, each shot and the film; asks a person where the policy says so.

May know: policies, every text of a film, every frame of its takes and cuts. Must never: let anything pass that was not checked
to the end, change what it checks, decide what is rendered next, or run a check on the event loop.
Walk: `app` -> `handlers` -> `domain/decisions` -> `domain/verdicts`; the checks are `domain/words` and `domain/footage`.
"""
