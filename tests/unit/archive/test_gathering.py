"""A batch waits a moment for others only where there are others."""

from sagittal.archive.gathering import PAUSE_S, Gathering
from sagittal.runtime.actor import Actor


def sender() -> Actor:
    """One of several associations of the same peer: equal, and not the same."""
    return Actor(door="dimse", name="CT", called="SAGITTAL", address="127.0.0.1")


def waits_of(*batches: list[Actor]) -> list[float]:
    """What is waited in front of another batch when these were before it."""
    waits: list[float] = []
    gathering = Gathering(waits.append)
    for batch in batches:
        gathering.saw(batch)
    gathering.pause()
    return waits


def test_senders_that_take_turns_are_waited_for() -> None:
    one, other = sender(), sender()
    assert waits_of([one], [other], [one]) == [PAUSE_S]
    assert waits_of([one, other], [one, other]) == [PAUSE_S]


def test_one_sender_alone_never_waits() -> None:
    one = sender()
    assert waits_of(*[[one]] * 10) == []


def test_senders_one_after_the_other_never_wait() -> None:
    # as requests of one client, each with an Actor of its own
    assert waits_of(*[[sender()] * 3 for _ in range(40)]) == []


def test_the_last_of_several_senders_waits_no_longer_after_a_while() -> None:
    waits: list[float] = []
    gathering = Gathering(waits.append)
    one, other = sender(), sender()
    for batch in ([one], [other], [one], *[[one]] * 1000):
        gathering.pause()
        gathering.saw(batch)
    assert 0 < len(waits) < 100
    gathering.pause()
    assert len(waits) < 100


def test_what_is_remembered_of_senders_is_bounded() -> None:
    gathering = Gathering()
    for _ in range(1000):
        gathering.saw([sender()])
    assert len(gathering._recent) <= 16
