"""The folder of real DICOM data that may lie beside the project."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"

shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared real-data folder is not beside this checkout")
