"""The frame table: where each frame of an encapsulated pixel data value lies, as bytes that are read in place.

Laid out little endian, so that one frame of a slide with 100,000 is found without decoding the others:

    u8 version, u8 flags, u16 0, u32 frames, u32 fragments
    u32 (u64 if WIDE) offset of each fragment's first byte, from the first byte of the pixel data value
    u32 length of each fragment
    u32 index of each frame's first fragment, if GROUPED
"""

from collections.abc import Iterator, Sequence
from struct import Struct, pack

import msgspec

from sagittal.dicom.dataset import Buffer
from sagittal.errors import Corrupt, NotFound

_HEAD = Struct("<BBHII")
_VERSION = 1
_WIDE, _GROUPED, _STREAM = 1, 2, 4
_U32 = Struct("<I").unpack_from
_U64 = Struct("<Q").unpack_from
_BATCH = 4096

Fragments = tuple[tuple[int, int], ...]
"""(offset, length) of each fragment of a frame, in order; joined they are the frame."""


class FrameTable(msgspec.Struct, frozen=True):
    """Where each frame's fragments lie, from the first byte of the pixel data value.

    >>> table = FrameTable.of([16, 34, 52], [10, 10, 7], firsts=[0, 2])
    >>> len(table), table.frame(0), table.frame(1)
    (2, ((16, 10), (34, 10)), ((52, 7),))
    """

    encoded: bytes

    @classmethod
    def of(
        cls,
        offsets: Sequence[int],
        lengths: Sequence[int],
        *,
        firsts: Sequence[int] | None = None,
        stream_frames: int = 0,
    ) -> "FrameTable":
        """The table of fragments at `offsets` with `lengths`.

        Offsets and lengths are bytes, in the order of the value. `firsts` is the index of each frame's first fragment,
        rising from 0; None if each frame is one fragment. If `stream_frames` is not 0, all fragments together are one
        stream that holds so many frames (video).
        """
        is_wide = bool(offsets) and max(offsets) > 0xFFFFFFFF
        flags = _WIDE * is_wide | _GROUPED * (firsts is not None) | _STREAM * bool(stream_frames)
        frames = stream_frames or len(lengths if firsts is None else firsts)
        parts = [_HEAD.pack(_VERSION, flags, 0, frames, len(lengths))]
        parts += _packed("Q" if is_wide else "I", offsets)
        parts += _packed("I", lengths)
        parts += _packed("I", firsts or ())
        return cls(b"".join(parts))

    @classmethod
    def from_bytes(cls, data: Buffer) -> "FrameTable":
        """The table that `to_bytes` wrote; Corrupt if it is none."""
        encoded = bytes(data)
        if len(encoded) < _HEAD.size or encoded[0] != _VERSION:
            raise Corrupt(f"a frame table begins with {_HEAD.size} bytes, the first being {_VERSION}")
        table = cls(encoded)
        flags, frames, fragments = table._head()
        of_fragment = 12 if flags & _WIDE else 8
        expected = _HEAD.size + of_fragment * fragments + (4 * frames if flags & _GROUPED else 0)
        if len(encoded) != expected:
            raise Corrupt(f"a frame table of {fragments} fragments has {expected} bytes; got {len(encoded)}")
        if not flags & (_GROUPED | _STREAM) and frames != fragments:
            raise Corrupt(f"a frame table has {fragments} fragments for {frames} frames, and no groups")
        return table

    def to_bytes(self) -> bytes:
        """The table as kept in the index."""
        return self.encoded

    def __len__(self) -> int:
        """Number of frames."""
        return self._head()[1]

    @property
    def is_stream(self) -> bool:
        """Whether the value is one stream for all frames (video): frames cannot be had one by one."""
        return bool(self._head()[0] & _STREAM)

    @property
    def frames(self) -> tuple[Fragments, ...]:
        """All frames; for many frames `frame` is cheaper."""
        return tuple(self)

    def __iter__(self) -> Iterator[Fragments]:
        return (self.frame(index) for index in range(len(self)))

    def frame(self, index: int) -> Fragments:
        """The fragments of frame `index`, counted from 0; all of a stream. NotFound if there is no such frame."""
        flags, frames, fragments = self._head()
        if not 0 <= index < frames:
            raise NotFound(f"no frame {index + 1}, the instance has {frames}")
        first, stop = 0, fragments
        if flags & _GROUPED:
            groups = len(self.encoded) - 4 * frames
            first = _U32(self.encoded, groups + 4 * index)[0]
            stop = _U32(self.encoded, groups + 4 * index + 4)[0] if index + 1 < frames else fragments
        elif not flags & _STREAM:
            first, stop = index, index + 1
        if not first <= stop <= fragments:
            raise Corrupt(f"the frame table gives frame {index + 1} fragments {first} to {stop} of {fragments}")
        return tuple(self._fragment(number, flags, fragments) for number in range(first, stop))

    def _fragment(self, number: int, flags: int, fragments: int) -> tuple[int, int]:
        width, offset_at = (8, _U64) if flags & _WIDE else (4, _U32)
        offset = offset_at(self.encoded, _HEAD.size + width * number)[0]
        return offset, _U32(self.encoded, _HEAD.size + width * fragments + 4 * number)[0]

    def _head(self) -> tuple[int, int, int]:
        _, flags, _, frames, fragments = _HEAD.unpack_from(self.encoded)
        return flags, frames, fragments


def _packed(code: str, numbers: Sequence[int]) -> list[bytes]:
    """`numbers` little endian, in batches that bound what is unpacked on the way."""
    batches = (numbers[start : start + _BATCH] for start in range(0, len(numbers), _BATCH))
    return [pack(f"<{len(batch)}{code}", *batch) for batch in batches]
