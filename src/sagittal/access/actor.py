"""Moved to sagittal.runtime.actor (the archive stands below access)."""

from sagittal.runtime.actor import LOCAL, Actor

__all__ = ["LOCAL", "Actor"]
