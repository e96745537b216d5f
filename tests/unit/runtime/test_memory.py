import sys

import pytest

from sagittal.runtime.memory import give_back

_CHUNK_BYTES = 100_000  # below what malloc maps by itself


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's heap")
def test_holes_in_the_heap_are_given_back() -> None:
    chunks = [bytearray(_CHUNK_BYTES) for _ in range(200)]
    del chunks[::2]
    assert give_back()
    assert not any(map(any, chunks))
