"""The files of the OHIF viewer, made by `ohif/build.py` from the package that its makers publish."""

from pathlib import Path

DIST = Path(__file__).parent / "dist"
"""Where the files are; the folder is not there before the build."""
