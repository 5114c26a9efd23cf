"""librdkafka's in-memory broker as a process of its own: `python -m storyreel_local.mock_broker ADDRESS_FILE [TOPIC …]`.

Only where Apache Kafka's jars cannot be had. It keeps nothing, and makes a topic (four partitions) when one is named.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from confluent_kafka import Producer

_SECONDS = 10.0


def main(address_file: Path, names: list[str]) -> None:
    """Start the broker, make the topics, write `host:port` into the file, and serve until a signal comes."""
    broker = Producer({"test.mock.num.brokers": 1})
    for name in names:
        broker.list_topics(topic=name, timeout=_SECONDS)
    found = next(iter(broker.list_topics(timeout=_SECONDS).brokers.values()))
    address_file.write_text(f"{found.host}:{found.port}")
    signal.pause()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
