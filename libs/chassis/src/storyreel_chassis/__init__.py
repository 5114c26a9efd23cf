"""The chassis: what is true of any event-driven service. Knows Kafka, Redis, S3 and clocks; knows nothing of films' content.

May never: decide anything about a film, import a service. Walk: `work` (what a room hands in) -> `service.serve` ->
`consumer` -> `lanes` -> `delivery` -> `runtime`; twins beside their parts, `testing` for rooms' tests.
"""
