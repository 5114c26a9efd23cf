"""What a broker says when a record is written, in the words of the house."""

import pytest
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NotEnoughReplicasError,
    TopicAuthorizationFailedError,
)
from storyreel_chassis.errors import Unavailable
from storyreel_chassis.publisher import broker_errors


@pytest.mark.parametrize("error", [KafkaTimeoutError(), KafkaConnectionError("gone"), NotEnoughReplicasError()])
def test_what_passes_once_the_broker_is_back_says_that_it_is_away(error: KafkaError) -> None:
    with pytest.raises(Unavailable) as caught, broker_errors():
        raise error
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", [MessageSizeTooLargeError(), TopicAuthorizationFailedError()])
def test_what_waiting_does_not_mend_stays_what_it_is(error: KafkaError) -> None:
    with pytest.raises(type(error)), broker_errors():
        raise error
