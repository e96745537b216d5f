"""What every handler of the door is given."""

import msgspec

from sagittal.archive.archive import Archive
from sagittal.dicomweb.cache import AnswerCache, BytesCache
from sagittal.dicomweb.kept_metadata import KeptMetadata
from sagittal.dicomweb.settling import Settler
from sagittal.runtime.pools import WorkerPool
from sagittal.runtime.settings import Settings

BASE_PATH = "/dicom-web"


class WebLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How much one request may ask of this process.

    Attributes:
        request_timeout_s: for all work on a request but the moving of a large body, s.
        idle_timeout_s: how long a client may neither send nor take bytes, s.
        min_rate_bytes_s: slowest rate at which a body may arrive, bytes/s.
        max_object_bytes: the largest instance taken in.
        max_parts: of one multipart body.
        max_answers: of one search.
        max_frames: named in one request.
        max_commits: instances of one STOW request on their way to the disk at one time; they share its syncs.
        cache_bytes: of finished metadata.
        picture_cache_bytes: of finished small pictures, thumbnails above all.
        answer_cache_bytes: of finished answers to searches.
    """

    request_timeout_s: float = 300.0
    idle_timeout_s: float = 60.0
    min_rate_bytes_s: float = 100.0
    max_object_bytes: int = 64 * 1024**3
    max_parts: int = 50_000
    max_answers: int = 5000
    max_frames: int = 10_000
    max_commits: int = 8
    cache_bytes: int = 8 * 1024**2
    picture_cache_bytes: int = 8 * 1024**2
    answer_cache_bytes: int = 12 * 1024**2

    @classmethod
    def of(cls, settings: Settings) -> "WebLimits":
        """The limits that the site's settings choose."""
        return cls(
            request_timeout_s=settings.operation_timeout_s,
            min_rate_bytes_s=settings.message_min_rate_bytes_s,
            max_object_bytes=settings.max_object_bytes,
            max_answers=settings.query_limit,
        )


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """The archive behind the door and how much may be asked of it."""

    archive: Archive
    limits: WebLimits
    metadata_cache: BytesCache
    picture_cache: BytesCache
    answer_cache: AnswerCache
    kept_metadata: KeptMetadata
    settler: Settler
    pool: WorkerPool
