"""The gateway room: HTTP API, signed briefs, live status, uploads, review desk and film pages.

May know: tenants and their keys, every fact of a film, the artifact store. May never: render, judge, plan or decide what a
film becomes; open media outside the sandboxed child; show one tenant another's film; write a terminal fact without winning
the outcome claim.
Walk: `app` -> `api` and `routes` (HTTP) -> `handlers` (Kafka) -> `domain`.
"""
