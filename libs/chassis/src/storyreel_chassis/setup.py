"""Prepares the shared parts once: topics from the catalogue, the bucket. Run as `python -m storyreel_chassis.setup`.

Safe to repeat. On Kubernetes the topics are custom resources instead (deploy/kafka); services never create topics.
"""

import asyncio
import logging
import os

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from storyreel_contracts.topics import CATALOGUE

from storyreel_chassis import logs
from storyreel_chassis.s3 import S3ArtifactStore
from storyreel_chassis.settings import SharedSettings

log = logging.getLogger(__name__)
EXPIRING = "keys/checkpoints/"
EXPIRY_DAYS = 7
"""Half-made work is worth keeping for as long as a person may take to approve what it is a draft of."""


async def create_topics(bootstrap_servers: str, replication: int) -> list[str]:
    """Create the catalogue's topics that do not exist; returns their names. Raises KafkaError."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        there = set(await admin.list_topics())
        wanted = [
            NewTopic(t.name, t.partitions, replication, topic_configs={"retention.ms": str(t.retention_ms)})
            for t in CATALOGUE
            if t.name not in there
        ]
        answer = await admin.create_topics(wanted) if wanted else None
        for name, code, *_ in answer.topic_errors if answer else ():
            if code and for_code(code) is not TopicAlreadyExistsError:
                raise for_code(code)(name)
        return [t.name for t in wanted]
    finally:
        await admin.close()


async def prepare(shared: SharedSettings) -> None:
    """Topics and bucket; waits until the parts are there."""
    replication = int(os.environ.get("KAFKA_REPLICATION", "1"))
    while True:
        try:
            made = await create_topics(shared.kafka_bootstrap_servers, replication)
            store = S3ArtifactStore(shared)
            await store.create_bucket()
            expires = await store.expire(EXPIRING, EXPIRY_DAYS)
        except (KafkaError, OSError) as error:
            log.info("waiting for the parts: %s", error)
            await asyncio.sleep(1)
        else:
            log.info("%d topics made, bucket %s is there", len(made), shared.s3_bucket)
            if not expires:
                log.warning(
                    "the store has no lifecycle rules: delete what is older than %d days under %s", EXPIRY_DAYS, EXPIRING
                )
            return


if __name__ == "__main__":
    settings = SharedSettings()  # type: ignore[call-arg]  # values come from the environment
    logs.configure("setup", settings.log_level)
    asyncio.run(prepare(settings))
