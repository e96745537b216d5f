"""A DIMSE listener for tests, and the programs that talk to it."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from sagittal.access.callers import everybody
from sagittal.dicom.messages.assembly import CommandReceived
from sagittal.dicom.messages.commands import CEchoRequest, CStoreRequest, CStoreResponse, Request
from sagittal.dicom.upper_layer.pdu import AssociateAccept, AssociateRequest
from sagittal.dimse.attendance import Handler, attend, echo
from sagittal.dimse.link import Link
from sagittal.dimse.listener import Listener
from sagittal.runtime.settings import Settings
from sagittal.runtime.witness import NoWitness


class Kept(NamedTuple):
    """An instance that came by C-STORE."""

    request: CStoreRequest
    transfer_syntax: str
    data: bytes


class Box:
    """Serves C-ECHO and C-STORE and keeps what comes in memory."""

    def __init__(self) -> None:
        self.instances: list[Kept] = []
        self.requests: list[AssociateRequest] = []
        self.links: list[Link] = []
        self.parts = 0
        self.more: Mapping[type[Request], Handler] = {}

    async def serve(self, link: Link, request: AssociateRequest, _answer: AssociateAccept) -> None:
        self.requests.append(request)
        self.links.append(link)

        async def on_echo(received: CommandReceived) -> None:
            await echo(link, received)

        async def on_store(received: CommandReceived) -> None:
            command = received.command
            assert isinstance(command, CStoreRequest)
            data = bytearray()
            while (part := await link.next_part()) is not None:
                data += part
                self.parts += 1
            self.instances.append(Kept(command, link.contexts[received.context_id], bytes(data)))
            response = CStoreResponse(
                message_id_being_responded_to=command.message_id,
                status=0,
                affected_sop_class_uid=command.affected_sop_class_uid,
                affected_sop_instance_uid=command.affected_sop_instance_uid,
            )
            await link.send(received.context_id, response)

        await attend(link, {CEchoRequest: on_echo, CStoreRequest: on_store, **self.more})


@asynccontextmanager
async def listening(
    box: Box, settings: Settings | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Listener]:
    async with Listener(settings or Settings(), box.serve, tls, admit=everybody, witness=NoWitness()) as listener:
        await listener.start("127.0.0.1", 0)
        yield listener


class Ran(NamedTuple):
    """What became of a program."""

    status: int
    output: str


async def run(program: str, *arguments: str | Path | int, timeout_s: float = 30) -> Ran:
    """Runs a program of DCMTK to its end."""
    process = await asyncio.create_subprocess_exec(
        program,
        *map(str, arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "TCP_NODELAY": "1"},
    )
    try:
        async with asyncio.timeout(timeout_s):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    return Ran(process.returncode, output.decode(errors="replace"))
