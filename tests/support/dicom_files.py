"""Real DICOM files that are at hand without a network: what pydicom and pydicom-data ship, and the shared folder."""

import importlib.util
from pathlib import Path

from support.shared import SHARED


def _package_folder(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec is not None and spec.origin is not None else None


def dicom_files() -> list[Path]:
    """Every file of the three collections, DICOM or not, in a stable order."""
    pydicom, data_store = _package_folder("pydicom"), _package_folder("data_store")
    roots = [
        *([pydicom / "data" / kind for kind in ("test_files", "charset_files", "palettes")] if pydicom else []),
        *([data_store / "data"] if data_store else []),
        *([SHARED / "dicom"] if SHARED.is_dir() else []),
    ]
    no_dicom = {".py", ".pyc", ".json", ".csv", ".txt", ".md", ".zip", ".gz", ".dump", ".icc", ".dicom"}
    return [
        path
        for root in roots
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix not in no_dicom and path.name != "README"
    ]


def file_id(path: Path) -> str:
    """A short name for a test's parameter."""
    return "/".join(path.parts[-2:])
