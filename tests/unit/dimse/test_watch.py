"""Who keeps up and who does not."""

from sagittal.dimse.watch import Flow, Pace, Watch

PACE = Pace(idle_s=60, min_rate_bytes_s=100, window_s=10)


def test_silence_between_messages_is_allowed_for_idle_s() -> None:
    watch = Watch(PACE, 0)
    watch.rest(5)
    assert watch.next_look(5) == 65
    assert watch.verdict(64.9, 0, 0) is None
    assert watch.verdict(65, 0, 0) == "nothing was said for 60 s"


def test_while_we_work_the_peer_may_be_silent() -> None:
    watch = Watch(PACE, 0)
    watch.rest(0)
    watch.is_waiting = False
    assert watch.verdict(10_000, 0, 0) is None


def test_a_message_that_trickles_in_is_ended() -> None:
    watch = Watch(PACE, 0)
    watch.rest(0)
    watch.inward.start(0, 0)
    assert watch.next_look(0) == 10
    assert watch.verdict(9, 50, 0) is None
    verdict = watch.verdict(10, 999, 0)
    assert verdict == "the peer sends less than 100 bytes/s in the middle of a message"


def test_a_message_that_comes_fast_enough_is_looked_at_again_a_window_later() -> None:
    watch = Watch(PACE, 0)
    watch.inward.start(0, 0)
    assert watch.verdict(10, 1000, 0) is None
    assert watch.next_look(10) == 20
    assert watch.verdict(20, 1999, 0) is not None


def test_a_peer_that_takes_nothing_of_what_we_send_is_ended() -> None:
    watch = Watch(PACE, 0)
    watch.outward.start(3, 5000)
    assert watch.verdict(13, 0, 5999) == "the peer takes less than 100 bytes/s in the middle of a message"
    watch.outward.stop()
    assert watch.verdict(13, 0, 5999) is None


def test_without_a_least_rate_a_byte_has_to_move_each_window() -> None:
    pace = Pace(min_rate_bytes_s=0, window_s=10)
    flow = Flow()
    flow.start(0, 7)
    assert not flow.is_slow(10, 8, pace)
    assert flow.is_slow(20, 8, pace)


def test_a_flow_that_is_under_way_keeps_its_window() -> None:
    flow = Flow()
    flow.start(0, 0)
    flow.start(9, 5000)
    assert flow.next_look(PACE) == 10
    flow.stop()
    assert flow.next_look(PACE) is None
