"""Who is there: every call of a room names its Actor."""

import msgspec


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """The one on whose behalf a room works.

    Attributes:
        door: where they came in: `dimse`, `dicomweb`, `cli`.
        name: calling AE title, account, or the local user; `""` when the door knows none.
        called: what they addressed us as (called AE title, host name); `""` when there is no such thing.
        address: network address without port; `""` for the local machine.
        facility: the facility whose data they send and see.

    >>> Actor(door="dimse", name="CT1", called="SAGITTAL", address="192.0.2.7").facility
    'local'
    """

    door: str
    name: str = ""
    called: str = ""
    address: str = ""
    facility: str = "local"


LOCAL = Actor(door="cli", name="local")
"""The built-in actor: the person at this machine's command line."""
