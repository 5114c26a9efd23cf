"""The embedded stack: Kafka, Redis, S3, Triton and six services as processes of one machine.

This room knows how to get, start, watch and stop programs, on which ports they listen and where they keep their data. It
knows services only by name, environment and `/readyz`; of films it knows nothing. It must never import a service, end a
process that it did not start, listen beyond loopback, or leave something running that it was asked to stop.
"""
