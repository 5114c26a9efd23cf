"""The AsyncAPI 3.0 document of all topics, built from the catalogue: who writes what where, under which key and headers."""

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from storyreel_contracts.base import Fact
from storyreel_contracts.envelope import CONTENT_TYPE
from storyreel_contracts.films import BriefSubmitted
from storyreel_contracts.registry import FACTS
from storyreel_contracts.tools.headers import ENVELOPE, SIGNED, example_headers
from storyreel_contracts.topics import CATALOGUE, PUBLIC, SERVICES, Topic, topics_read_by

Json = dict[str, Any]
_BINDING = "0.5.0"
_KEYS: Json = {"film_id": {"type": "string", "format": "uuid"}, "letter_id": {"type": "string"}}


def document(examples: Path) -> Json:
    """The whole document; `examples` is the folder of committed examples."""
    return {
        "asyncapi": "3.0.0",
        "id": "urn:storyreel",
        "info": {
            "title": "Storyreel",
            "version": "1.0.0",
            "description": "Every topic of the studio. CloudEvents 1.0 in Kafka binary mode; the key is the film's id.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {topic.name: _channel(topic) for topic in CATALOGUE},
        "operations": {name: op for topic in CATALOGUE for name, op in _operations(topic).items()},
        "components": {
            "messages": {type_: _message(fact, examples) for type_, fact in sorted(FACTS.items())},
            "schemas": {**_payloads(), "Envelope": ENVELOPE, "SignedEnvelope": SIGNED},
        },
    }


def facts_on(topic: Topic) -> tuple[str, ...]:
    """Types that a topic may carry; retry and dead-letter topics carry what their service reads."""
    if topic.facts or topic in PUBLIC:
        return topic.types
    read = [t for t in CATALOGUE if t.name in topics_read_by(topic.owner)]
    return tuple(sorted({type_ for t in read for type_ in t.types}))


def _channel(topic: Topic) -> Json:
    return {
        "address": topic.name,
        "description": topic.purpose,
        "messages": {type_: {"$ref": f"#/components/messages/{type_}"} for type_ in facts_on(topic)},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": {"cleanup.policy": ["delete"], "retention.ms": topic.retention_ms},
                "bindingVersion": _BINDING,
            }
        },
    }


def _operations(topic: Topic) -> dict[str, Json]:
    written = {f"{topic.owner}-sends-{topic.name}": _operation(topic, "send", topic.owner)}
    return written | {f"{r}-receives-{topic.name}": _operation(topic, "receive", r) for r in topic.readers}


def _operation(topic: Topic, action: str, who: str) -> Json:
    group = {"groupId": {"type": "string", "enum": [who]}} if action == "receive" and who in SERVICES else {}
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "summary": f"{who} {'writes' if action == 'send' else 'reads'} {topic.purpose}",
        "messages": [{"$ref": f"#/channels/{topic.name}/messages/{type_}"} for type_ in facts_on(topic)],
        "tags": [{"name": who}],
        "bindings": {"kafka": {**group, "bindingVersion": _BINDING}},
    }


def _message(fact: type[Fact], examples: Path) -> Json:
    headers = "SignedEnvelope" if fact is BriefSubmitted else "Envelope"
    return {
        "name": fact.TYPE,
        "title": fact.__name__,
        "summary": (fact.__doc__ or "").strip().splitlines()[0],
        "contentType": CONTENT_TYPE,
        "headers": {"$ref": f"#/components/schemas/{headers}"},
        "payload": {"$ref": f"#/components/schemas/{fact.__name__}"},
        "bindings": {"kafka": {"key": _KEYS[_key_of(fact)], "bindingVersion": _BINDING}},
        "examples": [_example(fact, path) for path in sorted((examples / fact.TYPE).glob("*.json"))],
    }


def _key_of(fact: type[Fact]) -> str:
    return next(topic.key for topic in CATALOGUE if fact in topic.facts)


def _example(fact: type[Fact], path: Path) -> Json:
    return {"name": path.stem, "headers": example_headers(fact), "payload": json.loads(path.read_text())}


def _payloads() -> Json:
    models = [(fact, "validation") for fact in FACTS.values()]
    _, schema = models_json_schema(models, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    found: Json = schema["$defs"]
    return found
