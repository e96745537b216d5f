"""The key of the chain: in a file of its own, so that whoever has the database alone can neither mend the chain nor
guess patients from their hashes.
"""

from pathlib import Path

from sagittal.runtime import key_file

KEY_NAME = "ledger.key"


def load_key(path: Path) -> bytes:
    """The key in a file. Raises as `runtime.key_file.load_key`."""
    return key_file.load_key(path, "ledger")


def make_key(path: Path) -> bytes:
    """Makes a key, or gives the one that is there."""
    return key_file.make_key(path, "ledger")
