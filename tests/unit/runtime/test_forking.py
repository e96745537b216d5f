"""The process that workers are forked from: shared, ended when idle, replaced when it dies, and with it its children."""

import os
import pickle
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sagittal.runtime.forking import Child, Nursery
from sagittal.runtime.worker import HEAD

MEMORY_BYTES = 256 * 1024**2


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    made = Nursery(idle_s=3600)
    yield made
    made.close()


def born(nursery: Nursery) -> tuple[Child, socket.socket]:
    ours, theirs = socket.socketpair()
    with theirs:
        return nursery.start(theirs, MEMORY_BYTES), ours


def asked(connection: socket.socket, function: object, *args: object) -> object:
    task = pickle.dumps((function, args, 60))
    connection.sendall(HEAD.pack(len(task)) + task)
    (size,) = HEAD.unpack(connection.recv(HEAD.size, socket.MSG_WAITALL))
    result, error = pickle.loads(connection.recv(size, socket.MSG_WAITALL))  # of our own worker
    assert error is None
    return result


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def until_gone(process: int) -> None:
    end = time.monotonic() + 30
    while is_running(process):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_children_come_from_one_mother_and_she_is_not_us(nursery: Nursery) -> None:
    one, first = born(nursery)
    other, second = born(nursery)
    with first, second:
        assert asked(first, os.getppid) == asked(second, os.getppid) == nursery.mother != os.getpid()
    one.reap()
    other.reap()


def test_a_killed_child_is_gone(nursery: Nursery) -> None:
    child, connection = born(nursery)
    with connection:
        process = asked(connection, os.getpid)
        assert isinstance(process, int)
        child.kill()
        until_gone(process)
    child.kill()
    assert child.reap() == 0


def test_the_end_of_a_child_is_told(nursery: Nursery) -> None:
    child, connection = born(nursery)
    with connection:
        task = pickle.dumps((os.abort, (), 60))
        connection.sendall(HEAD.pack(len(task)) + task)
        assert connection.recv(1) == b""
        assert child.reap() == -signal.SIGABRT


def test_a_mother_without_children_rests_and_another_comes(nursery: Nursery) -> None:
    child, connection = born(nursery)
    mother = nursery.mother
    assert mother is not None
    nursery.rest()
    assert nursery.mother == mother, "she has a child"
    connection.close()
    child.reap()
    nursery.rest()
    assert nursery.mother is None
    assert not is_running(mother)
    child, connection = born(nursery)
    with connection:
        assert asked(connection, os.getppid) == nursery.mother != mother
    child.reap()


def test_a_mother_ends_by_herself_after_a_while() -> None:
    nursery = Nursery(idle_s=0)
    child, connection = born(nursery)
    mother = nursery.mother
    assert mother is not None
    connection.close()
    child.reap()
    until_gone(mother)


def test_where_the_mother_died_another_takes_her_place(nursery: Nursery) -> None:
    orphan, lost = born(nursery)
    mother = nursery.mother
    assert mother is not None
    os.kill(mother, signal.SIGKILL)
    child, connection = born(nursery)
    with connection, lost:
        assert asked(connection, os.getppid) == nursery.mother != mother
        orphan.kill()
        assert orphan.reap() == 0
    child.reap()


def test_children_end_with_their_mother() -> None:
    nursery = Nursery()
    _, connection = born(nursery)
    with connection:
        process = asked(connection, os.getpid)
        assert isinstance(process, int)
        nursery.close()
        until_gone(process)


def test_many_threads_have_children_at_once(nursery: Nursery) -> None:
    seen: set[object] = set()

    def live() -> None:
        child, connection = born(nursery)
        with connection:
            seen.add(asked(connection, os.getpid))
        child.reap()

    threads = [threading.Thread(target=live) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 8
