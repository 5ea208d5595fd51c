"""Stages that overlap: the same items, errors where they came, and a prompt end."""

import threading
import time
from collections.abc import Iterator

import pytest

from ssmtl.scoring.ahead import ahead


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("ssmtl-")]


@pytest.mark.parametrize("count", [0, 1, 50])
@pytest.mark.parametrize("depth", [1, 4])
def test_all_items_in_order(count: int, depth: int) -> None:
    assert list(ahead(lambda: iter(range(count)), depth, "test")) == list(range(count))
    assert not threads()


def test_it_works_while_the_reader_does_something_else() -> None:
    done: list[int] = []
    third = threading.Event()

    def work() -> Iterator[int]:
        for i in range(5):
            done.append(i)
            if i == 3:
                third.set()
            yield i

    stream = ahead(work, 2, "test")
    assert next(stream) == 0
    assert third.wait(10), "two wait in the queue, one more is at hand"
    time.sleep(0.2)
    assert done == [0, 1, 2, 3], "and no more than that"
    assert list(stream) == [1, 2, 3, 4]


class DecodingError(Exception):
    """An error of a stage."""


def test_an_error_comes_at_its_place_through_all_stages() -> None:
    def decode() -> Iterator[int]:
        yield from range(3)
        raise DecodingError("frame 3 is damaged")

    def double() -> Iterator[int]:
        for item in ahead(decode, 4, "first"):
            yield 2 * item

    found: list[int] = []
    with pytest.raises(DecodingError, match="frame 3 is damaged") as caught:
        for item in ahead(double, 4, "second"):
            found.append(item)
    assert found == [0, 2, 4] and not threads()
    assert "decode" in [entry.name for entry in caught.traceback], "the traceback is the stage's own"


def test_an_error_of_making_the_stream() -> None:
    def make() -> Iterator[int]:
        raise DecodingError("no such file")

    with pytest.raises(DecodingError, match="no such file"):
        next(ahead(make, 1, "test"))


def test_all_stages_stop_when_the_reader_does() -> None:
    closed: list[str] = []

    def endless(name: str) -> Iterator[int]:
        try:
            i = 0
            while True:
                yield i
                i += 1
        finally:
            closed.append(name)

    def second() -> Iterator[int]:
        try:
            yield from ahead(lambda: endless("first"), 4, "first")
        finally:
            closed.append("second")

    stream = ahead(second, 4, "second")
    assert [next(stream) for _ in range(3)] == [0, 1, 2]
    started = time.monotonic()
    stream.close()
    assert time.monotonic() - started < 2 and sorted(closed) == ["first", "second"] and not threads()


def test_a_reader_that_fails_leaves_no_thread() -> None:
    def reader() -> None:
        for item in ahead(lambda: iter(range(1000)), 2, "test"):
            if item == 5:
                raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError, match="disk is full"):
        reader()
    deadline = time.monotonic() + 5
    while threads() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not threads()
