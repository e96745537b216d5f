"""Who is told what the rooms do with patients' data: the ledger, where there is one."""

from collections.abc import Iterable, Sequence
from typing import Literal, Protocol, TypeAlias

from sagittal.runtime.actor import Actor

Access: TypeAlias = Literal["read", "send", "export"]
"""How bytes of a study go out: to be looked at, to another node, to a medium."""


class Witness(Protocol):
    """Keeps what was done. Rooms tell it before a byte goes out."""

    async def accessed(self, actor: Actor, access: Access, studies: Iterable[str]) -> None:
        """Someone gets instances, metadata or pictures of these studies; returns when that is durable."""

    async def queried(self, actor: Actor, level: str, keys: Sequence[str]) -> None:
        """Someone asks at a Query/Retrieve Level with these matching keys, by name; values are not told."""

    def refused(self, actor: Actor, action: str) -> None:
        """Someone asked for what they may not do, or for anything at all without being let in."""


class NoWitness:
    """Keeps nothing: where there is no ledger, as in tests of a room."""

    async def accessed(self, actor: Actor, access: Access, studies: Iterable[str]) -> None:
        """Keeps nothing."""

    async def queried(self, actor: Actor, level: str, keys: Sequence[str]) -> None:
        """Keeps nothing."""

    def refused(self, actor: Actor, action: str) -> None:
        """Keeps nothing."""
