"""The same verbs for a person at a terminal."""

from sagittal.cli.app import main

__all__ = ["main"]
