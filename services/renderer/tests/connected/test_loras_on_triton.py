"""A trained look, from the request's fact to a real Triton and back: its own picture, or a refusal that names what there is."""

import asyncio

import pytest
from renderer_tritons import Triton, a_studio, rendered, room
from storyreel_contracts import FailureKind, Lora, ShotRenderFailed

pytestmark = [pytest.mark.connected, pytest.mark.timeout(120)]


async def test_a_take_has_the_look_that_it_was_asked_with_whoever_is_rendered_beside_it(pair: list[Triton]) -> None:
    async with room(pair[:1], a_studio()) as running:
        assert running.card.loras == ["ink"]
        looks = [None, Lora(name="ink"), Lora(name="ink", scale=0.5)]
        together = await asyncio.gather(*(running.ask(1, lora=look) for look in looks))
    async with room(pair[:1], a_studio()) as alone:
        again = [await alone.ask(1, lora=look) for look in looks]
    pictures = [rendered(fact).artifact.sha256 for fact in together]
    assert pictures == [rendered(fact).artifact.sha256 for fact in again]
    assert len(set(pictures)) == len(looks)


async def test_a_look_that_no_server_has_is_refused_with_the_names_of_those_there_are(pair: list[Triton]) -> None:
    async with room(pair[:1], a_studio()) as running:
        fact = await running.ask(1, lora=Lora(name="gouache"))
    assert isinstance(fact, ShotRenderFailed)
    assert fact.kind is FailureKind.INVALID_INPUT
    assert "gouache" in fact.reason
    assert "ink" in fact.reason
