"""The files of the light viewer at addresses that change whenever one of them does."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from sagittal.web.packing import Packed

FOLDER = Path(__file__).parent / "assets" / "viewer"
_QUOTED = re.compile(r'"([A-Za-z][^"\\\n]{1,200})"')
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}


class ViewerFiles(NamedTuple):
    """Every file by its name.

    Attributes:
        version: in their addresses, so that they may be kept for ever.
        texts: what scripts may say to people, among other quoted words.
    """

    version: str
    files: Mapping[str, Packed]
    texts: frozenset[str] = frozenset()


def viewer_files(folder: Path = FOLDER) -> ViewerFiles:
    """Reads the files, when the server starts."""
    files: dict[str, Packed] = {}
    texts: set[str] = set()
    state = hashlib.blake2b(digest_size=6)
    for path in sorted(folder.iterdir()):
        if path.suffix in _TYPES:
            content = path.read_bytes()
            texts |= set(_QUOTED.findall(content.decode()))
            state.update(path.name.encode() + b"\0" + content)
            files[path.name] = Packed(_TYPES[path.suffix], content)
    return ViewerFiles(state.hexdigest(), files, frozenset(texts))
