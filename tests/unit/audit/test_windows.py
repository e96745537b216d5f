from sagittal.audit.windows import MAX_OPEN, OPEN_S, Same, Windows
from sagittal.runtime.actor import Actor

ACTOR = Actor(door="dicomweb", name="ann")


def same(study: str = "1.2") -> Same:
    return Same("dicomweb", "ann", "", "read", study)


def test_what_repeats_within_the_time_is_counted_in_one_window() -> None:
    windows = Windows()
    window, closed = windows.open(same(), ACTOR, 5, 0.0)
    window.add(1, 5)
    found = windows.find(same(), OPEN_S - 1)
    assert found is window
    assert closed == ()


def test_a_window_is_not_found_when_its_time_is_over() -> None:
    windows = Windows()
    windows.open(same(), ACTOR, 5, 0.0)
    assert windows.find(same(), OPEN_S) is None


def test_a_new_window_closes_the_one_that_is_over() -> None:
    windows = Windows()
    first, _ = windows.open(same(), ACTOR, 5, 0.0)
    _, closed = windows.open(same(), ACTOR, 9, OPEN_S)
    assert closed == (first,)
    assert len(windows) == 1


def test_those_that_are_over_are_taken_out_once() -> None:
    windows = Windows()
    first, _ = windows.open(same("1"), ACTOR, 5, 0.0)
    windows.open(same("2"), ACTOR, 5, 1.0)
    assert windows.over(OPEN_S) == (first,)
    assert windows.over(OPEN_S) == ()
    assert windows.next_end() == OPEN_S + 1


def test_one_too_many_closes_the_oldest() -> None:
    windows = Windows()
    first, _ = windows.open(same("0"), ACTOR, 5, 0.0)
    for number in range(1, MAX_OPEN):
        windows.open(same(str(number)), ACTOR, 5, 0.0)
    _, closed = windows.open(same("more"), ACTOR, 5, 0.0)
    assert closed == (first,)
    assert len(windows) == MAX_OPEN


def test_a_window_spans_its_first_and_last_act() -> None:
    window, _ = Windows().open(same(), ACTOR, 50, 0.0)
    window.add(2, 70)
    window.add(3, 40)
    assert (window.at_ns, window.until_ns, window.count) == (40, 70, 5)
