"""The files of the light viewer at addresses that change whenever one of them does."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from sagittal.web.joining import joined
from sagittal.web.packing import Packed

FOLDER = Path(__file__).parent / "assets" / "viewer"
_ENTRY = "main"
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
    """Reads the files, when the server starts. What the viewer's first module imports is joined with it."""
    read = {path.name: path.read_text("utf-8") for path in sorted(folder.iterdir()) if path.suffix in _TYPES}
    texts = {said for text in read.values() for said in _QUOTED.findall(text)}
    if folder == FOLDER:
        modules = {name.removesuffix(".js"): text for name, text in read.items() if name.endswith(".js")}
        styles = {name: text for name, text in read.items() if not name.endswith(".js")}
        read = styles | {f"{name}.js": text for name, text in joined(modules, _ENTRY).items()}
    state = hashlib.blake2b(digest_size=6)
    for name, text in sorted(read.items()):
        state.update(f"{name}\0{text}".encode())
    files = {name: Packed(_TYPES[Path(name).suffix], text.encode()) for name, text in read.items()}
    return ViewerFiles(state.hexdigest(), files, frozenset(texts))
