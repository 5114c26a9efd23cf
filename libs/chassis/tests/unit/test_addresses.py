"""Settings name a cluster by several addresses; the consumer knows each of them."""

from rooms import toy_room
from storyreel_chassis.consumer import Consumer
from storyreel_chassis.folds import MemoryFoldStore
from storyreel_chassis.lanes import Lanes
from storyreel_chassis.testing import FakeClock


async def deliver(record: object) -> None:
    raise AssertionError("nothing is read here")


def test_a_consumer_knows_every_address_that_the_setting_names() -> None:
    lanes = Lanes(toy_room().lane, deliver)
    consumer = Consumer("one:9092,two:9093,three:9094", "group", ["topic"], lanes, MemoryFoldStore(), FakeClock())
    assert list(consumer.broker.specification.url) == ["one:9092", "two:9093", "three:9094"]
