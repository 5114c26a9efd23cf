"""The way out: in order, off the device's thread, bounded, and never silently broken."""

import threading

import numpy as np
import pytest
from engine_fakes import Bench, Clock, FakePipeline, FakeSender, FakeState, request
from storyreel_engine.engine import Engine, EngineLimits
from storyreel_engine.mail import DirectMail, Letter, MailThread
from storyreel_engine.wire import Event


def never() -> None:
    pytest.fail("gave up")


class Slow(FakeSender):
    """A client that takes its time: nothing arrives before `gate` is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()

    def send(self, event: Event, **more: object) -> None:  # type: ignore[override]
        assert self.gate.wait(10)
        super().send(event, **more)  # type: ignore[arg-type]


def letter(sender: FakeSender, kind: str = "progress", *, large: bool = False, last: bool = False) -> Letter:
    frames = np.zeros((1, 2, 2, 3), dtype=np.uint8) if large else None
    return Letter(sender, Event(kind), never_lost, frames=frames, last=last)


def never_lost(error: Exception) -> None:
    raise error


def test_letters_arrive_in_order_and_closing_waits_for_all_of_them() -> None:
    mail, client = MailThread(give_up=never), FakeSender()
    for number in range(100):
        mail.post(letter(client, f"{number}", large=number % 3 == 0))
    mail.close(10)
    assert client.kinds == [f"{number}" for number in range(100)]
    assert mail.waiting == 0


def test_checkpoints_are_packed_on_the_mails_own_thread() -> None:
    mail, client, packers = MailThread(give_up=never), FakeSender(), []

    def pack() -> bytes:
        packers.append(threading.current_thread())
        return b"packed"

    mail.post(Letter(client, Event("checkpoint"), never_lost, pack=pack))
    mail.close(10)
    assert client.checkpoints == [b"packed"]
    assert packers != [threading.current_thread()]


def test_the_device_waits_when_too_much_that_is_large_has_not_gone_out() -> None:
    mail, client = MailThread(depth=2, give_up=never), Slow()
    posted = threading.Event()

    def post() -> None:
        for _ in range(4):
            mail.post(letter(client, large=True))
        posted.set()

    poster = threading.Thread(target=post)
    poster.start()
    assert not posted.wait(0.2)
    assert mail.waiting == 2
    client.gate.set()
    assert posted.wait(10)
    poster.join()
    mail.close(10)
    assert len(client.chunks) == 4


def test_small_letters_never_wait() -> None:
    mail, client = MailThread(depth=1, give_up=never), Slow()
    for _ in range(500):
        mail.post(letter(client))
    assert mail.waiting == 500
    client.gate.set()
    mail.close(10)


def test_closing_says_so_when_a_client_does_not_take_its_letters() -> None:
    mail, client = MailThread(give_up=never), Slow()
    mail.post(letter(client))
    with pytest.raises(TimeoutError, match="not delivered"):
        mail.close(0.05)
    client.gate.set()
    mail.close(10)


def test_what_is_posted_after_closing_still_arrives() -> None:
    mail, client = MailThread(give_up=never), FakeSender()
    mail.close(10)
    mail.post(letter(client, "late", large=True, last=True))
    assert client.kinds == ["late"]


def test_a_last_letter_that_cannot_be_tried_makes_the_process_give_up_and_any_other_does_not() -> None:
    class Broken(FakeSender):
        def send(self, event: Event, **more: object) -> None:  # type: ignore[override]
            raise OSError("the way back is broken")

    gave_up, lost = threading.Event(), []
    mail = MailThread(give_up=gave_up.set)
    mail.post(Letter(Broken(), Event("progress"), lost.append))
    mail.post(letter(FakeSender(), last=True))
    mail.close(10)
    assert (len(lost), gave_up.is_set()) == (1, False)
    mail = MailThread(give_up=gave_up.set)
    mail.post(letter(Broken(), last=True))
    assert gave_up.wait(10)


def test_the_errand_is_done_before_a_last_letter_and_a_broken_errand_stops_no_mail() -> None:
    client, seen = FakeSender(), []

    def errand() -> None:
        seen.append(list(client.kinds))
        raise ValueError("no metrics today")

    mail = MailThread(give_up=never, errand=errand)
    mail.post(letter(client, "progress"))
    mail.post(letter(client, "result", last=True))
    mail.close(10)
    assert seen[0] == ["progress"]
    assert client.kinds == ["progress", "result"]


def test_no_letter_is_kept_once_it_was_delivered() -> None:
    class Counted(FakeSender):
        gone_by = threading.Event()

        def __del__(self) -> None:
            Counted.gone_by.set()

    mail = MailThread(give_up=never)
    mail.post(letter(Counted(), last=True))
    assert Counted.gone_by.wait(10), "Triton unloads no model while a way back to a client is held"
    mail.close(10)


def test_a_checkpoint_that_cannot_be_packed_fails_its_job_and_no_other() -> None:
    bench = Bench(max_batch=1)
    bad, good = bench.submit("bad", steps=4, checkpoint_every=1), bench.submit("good", steps=4)
    save = bench.pipeline.save

    def broken(state: FakeState) -> object:
        save(state)
        return lambda: 1 / 0

    bench.pipeline.save = broken  # type: ignore[method-assign,assignment]
    bench.run()
    assert (bad.last["kind"], bad.last["failure"]) == ("failed", "internal")
    assert "ZeroDivisionError" in bad.last["reason"]
    assert good.kinds[-1] == "result"


def test_closing_an_engine_sends_every_checkpoint_before_it_returns() -> None:
    clock = Clock()
    mail = MailThread(give_up=never)
    engine = Engine(FakePipeline(clock), limits=EngineLimits(100, 1e9), mail=mail, clock=clock, wall=clock)
    clients = [FakeSender() for _ in range(6)]
    for index, client in enumerate(clients):
        engine.submit(request(f"{index}", steps=50), client)
    for _ in range(12):
        engine.run_once()
    engine.close(10)
    assert all(client.closed for client in clients)
    assert {client.last["failure"] for client in clients} == {"device_lost"}
    begun = [client for client in clients if "progress" in client.kinds]
    assert begun
    assert all(client.kinds[-2:] == ["checkpoint", "failed"] for client in begun)
    engine.close(10)


def test_direct_mail_delivers_at_once() -> None:
    client = FakeSender()
    DirectMail().post(letter(client, "now"))
    assert client.kinds == ["now"]


def test_a_quiet_letter_waits_for_a_nudge_and_any_other_takes_it_along() -> None:
    mail, client = MailThread(give_up=never, idle=10.0), FakeSender()
    quiet = Letter(client, Event("quiet"), never_lost, quiet=True)
    mail.post(quiet)
    assert not client.ended.wait(0.2)
    assert client.kinds == []
    mail.nudge()
    mail.post(quiet)
    mail.post(letter(client, "result", last=True))
    assert client.ended.wait(5)
    assert client.kinds == ["quiet", "quiet", "result"]
    mail.close(10)
