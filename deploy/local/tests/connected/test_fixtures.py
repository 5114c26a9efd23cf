"""The fixtures that every other room's connected tests stand on."""

import boto3
import pytest
import redis
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from storyreel_local.testing import KafkaPlace, S3Place

pytestmark = pytest.mark.connected


async def test_a_record_written_to_the_broker_is_read_back(real_kafka: KafkaPlace) -> None:
    topic = await real_kafka.new_topic()
    async with AIOKafkaProducer(bootstrap_servers=real_kafka.bootstrap_servers) as producer:
        await producer.send_and_wait(topic, b"body", key=b"film")
    reader = AIOKafkaConsumer(topic, bootstrap_servers=real_kafka.bootstrap_servers, auto_offset_reset="earliest")
    async with reader:
        record = await reader.getone()
    assert (record.key, record.value) == (b"film", b"body")


def test_redis_keeps_a_value(real_redis: str) -> None:
    with redis.Redis.from_url(real_redis) as client:
        client.set("storyreel-local:test", "1")
        assert client.get("storyreel-local:test") == b"1"


def test_the_store_refuses_a_second_conditional_put(real_s3: S3Place) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=real_s3.endpoint,
        aws_access_key_id=real_s3.access_key,
        aws_secret_access_key=real_s3.secret_key,
        region_name=real_s3.region,
    )
    client.put_object(Bucket=real_s3.bucket, Key="local/once", Body=b"first", IfNoneMatch="*")
    with pytest.raises(client.exceptions.ClientError, match="PreconditionFailed"):
        client.put_object(Bucket=real_s3.bucket, Key="local/once", Body=b"second", IfNoneMatch="*")
    assert client.get_object(Bucket=real_s3.bucket, Key="local/once")["Body"].read() == b"first"
    client.close()
