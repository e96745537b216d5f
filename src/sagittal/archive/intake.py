"""What is found out about a data set while its bytes go by: digests, and where its frames lie."""

from collections.abc import Iterable, Sequence

from blake3 import blake3

from sagittal.dicom.dataset import Buffer, Header
from sagittal.dicom.frames import FragmentScanner, number_of_frames, scanner_for
from sagittal.errors import SagittalError

_SMALL_BYTES = 64 * 1024


class Intake:
    """Takes a data set in chunks; the header is to be known when the first byte of pixel data comes.

    The same for an instance that arrives and for one that is read back, so that both give the same row.
    """

    def __init__(self, file_header: bytes) -> None:
        """Begins with the preamble and file meta information in front of the data set."""
        self._file = blake3(file_header)
        self._data_set = blake3()
        self._scanner: FragmentScanner | None = None
        self._pixels_at: int | None = None
        self.length = 0

    @classmethod
    def of_whole(cls, file_header: bytes, header: Header, chunks: Sequence[Buffer]) -> "Intake":
        """What there is to find out about a data set that is all at hand."""
        if sum(map(len, chunks)) > _SMALL_BYTES:
            intake = cls(file_header)
            intake.expect(header)
            intake.absorb(chunks)
        else:
            # Two thirds of the time: hashes go by whole KiB, and a header in front puts all that follows out of step.
            intake = cls(b"".join((file_header, *chunks)))
            intake.expect(header)
            for chunk in chunks:
                intake._absorb_data_set(chunk)
        return intake

    def expect(self, header: Header) -> None:
        """Says where the pixel data will be; to be called once, before its first byte."""
        pixel_data = header.pixel_data
        if pixel_data is None or pixel_data.length is not None or header.encoding.is_deflated:
            return
        if (number_of_frames(header) or 1) == 1:
            return  # all fragments are that frame
        try:
            self._scanner = scanner_for(header)
        except SagittalError:  # more frames than anyone can have: no table
            return
        self._pixels_at = pixel_data.offset

    def absorb(self, chunks: Iterable[Buffer]) -> None:
        """The next bytes of the data set."""
        for chunk in chunks:
            self._file.update(chunk)
            self._absorb_data_set(chunk)

    def _absorb_data_set(self, chunk: Buffer) -> None:
        self._data_set.update(chunk)
        if self._scanner is not None and self._pixels_at is not None:
            start = self._pixels_at - self.length
            if start < len(chunk):
                self._scan(chunk if start <= 0 else memoryview(chunk)[start:])
        self.length += len(chunk)

    def _scan(self, chunk: Buffer) -> None:
        if self._scanner is None:
            return
        try:
            self._scanner.feed(chunk)
        except SagittalError:  # the value is not what the standard says; it is kept, without a table
            self._scanner = None

    @property
    def wants_more(self) -> bool:
        """Whether frames are being looked for behind the header."""
        return self._scanner is not None

    @property
    def digest(self) -> str:
        """BLAKE3 of the Part 10 file so far, hexadecimal."""
        return self._file.hexdigest()

    @property
    def digest_data_set(self) -> str:
        """BLAKE3 of the data set so far, hexadecimal."""
        return self._data_set.hexdigest()

    def frame_table(self) -> bytes | None:
        """Where the frames lie; None for native and single frames, and where it cannot be told."""
        if self._scanner is None:
            return None
        try:
            return self._scanner.close().to_bytes()
        except SagittalError:
            return None
