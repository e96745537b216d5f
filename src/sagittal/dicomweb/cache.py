"""Finished answers that are likely to be asked for again."""

from collections import OrderedDict
from collections.abc import Hashable

from sagittal.dicomweb.exchange import Answer


class BytesCache:
    """The most recently used values, up to a number of bytes in all.

    >>> cache = BytesCache(10)
    >>> cache.put("a", b"123456"); cache.put("b", b"123456")
    >>> cache.get("a"), cache.get("b")
    (None, b'123456')
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._values: OrderedDict[Hashable, bytes] = OrderedDict()
        self._size = 0

    def get(self, key: Hashable) -> bytes | None:
        """The value, None if it is not here (any more)."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: Hashable, value: bytes) -> None:
        """Keeps the value, letting go of what was used longest ago; a value larger than the cache is not kept."""
        self._size -= len(self._values.pop(key, b""))
        if len(value) > self.max_bytes:
            return
        self._values[key] = value
        self._size += len(value)
        while self._size > self.max_bytes:
            _, oldest = self._values.popitem(last=False)
            self._size -= len(oldest)


class AnswerCache:
    """The most recently used whole answers, up to a number of bytes in all; each holds while what it stands on does.

    >>> cache = AnswerCache(100)
    >>> cache.put("question", 1, Answer(200, (), b"text"))
    >>> cache.get("question", 1).body, cache.get("question", 2), cache.get("question", 1)
    (b'text', None, None)
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._answers: OrderedDict[Hashable, tuple[Hashable, Answer]] = OrderedDict()
        self._size = 0

    def get(self, question: Hashable, standing: Hashable) -> Answer | None:
        """The answer, None if it is not here or does not hold any more."""
        stood, answer = self._answers.get(question, (None, None))
        if answer is None:
            return None
        if stood != standing:
            self._drop(question)
            return None
        self._answers.move_to_end(question)
        return answer

    def put(self, question: Hashable, standing: Hashable, answer: Answer) -> None:
        """Keeps an answer whose body is whole, letting go of what was used longest ago."""
        self._drop(question)
        if not isinstance(answer.body, bytes) or len(answer.body) > self.max_bytes:
            return
        self._answers[question] = (standing, answer)
        self._size += len(answer.body)
        while self._size > self.max_bytes:
            self._drop(next(iter(self._answers)))

    def _drop(self, question: Hashable) -> None:
        _, answer = self._answers.pop(question, (None, None))
        if answer is not None:
            self._size -= len(answer.body) if isinstance(answer.body, bytes) else 0
