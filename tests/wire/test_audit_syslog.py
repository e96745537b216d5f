"""Audit messages by syslog over TLS to rsyslog, through outages."""

import asyncio
import shutil
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from xml.etree import ElementTree as ET

from sagittal.archive.archive import Archive
from sagittal.audit.forwarding import Collector, Forwarder
from sagittal.audit.ledger import Ledger
from sagittal.audit.line import Act
from sagittal.audit.message import Reporter
from sagittal.runtime.actor import Actor
from sagittal.runtime.key_file import KEY_BYTES
from support.archives import archive_at
from support.certificates import certificate
from support.peers import require

CONFIGURATION = """
global(workDirectory="{folder}" defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="{certificate}"
  defaultNetstreamDriverCertFile="{certificate}" defaultNetstreamDriverKeyFile="{key}" maxMessageSize="64k")
module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon")
input(type="imtcp" address="127.0.0.1" port="{port}")
template(name="raw" type="string" string="%rawmsg%\\n")
action(type="omfile" file="{folder}/received" template="raw")
"""


class Rsyslog:
    """A collector that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certificate, key = certificate(folder, "collector")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        text = CONFIGURATION.format(folder=folder, certificate=self.certificate, key=key, port=self.port)
        (folder / "rsyslog.conf").write_text(text)

    @property
    def collector(self) -> Collector:
        return Collector("127.0.0.1", self.port, ssl.create_default_context(cafile=str(self.certificate)))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        program = shutil.which("rsyslogd", path="/usr/sbin:/usr/bin") or "rsyslogd"
        arguments = ["-n", "-f", str(self.folder / "rsyslog.conf"), "-i", str(self.folder / "pid")]
        process = await asyncio.create_subprocess_exec(program, *arguments)
        try:
            yield
        finally:
            process.send_signal(signal.SIGKILL)
            await process.wait()

    def received(self) -> set[str]:
        """The accounts that sign-ins were told of."""
        path = self.folder / "received"
        lines = path.read_bytes().splitlines() if path.exists() else []
        documents = [ET.fromstring(line.partition(b"\xef\xbb\xbf")[2]) for line in lines]
        signed_in = [one for one in documents if one.find(".//EventTypeCode[@csd-code='110122']") is not None]
        return {one.find("ActiveParticipant").get("UserID") for one in signed_in}  # type: ignore[union-attr,misc]  # the schema


async def told(archive: Archive, ledger: Ledger, forwarder: Forwarder, *names: str) -> None:
    for name in names:
        await ledger.tell(Act(kind="sign-in", actor=Actor(door="web", name=name, kind="person")))
    forwarder.wake()


async def until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not is_true():  # noqa: ASYNC110  # another program writes a file
            await asyncio.sleep(0.05)


async def test_every_line_reaches_rsyslog_though_it_is_killed_in_between(tmp_path: Path) -> None:
    require("rsyslogd")
    rsyslog = Rsyslog(tmp_path)
    async with archive_at(tmp_path / "data") as archive:
        ledger = Ledger(archive, bytes(KEY_BYTES))
        forwarder = Forwarder(
            archive.records, rsyslog.collector, Reporter("pacs", "hospital"), settled_s=0.5, first_pause_s=0.05
        )
        await ledger.start()
        task = asyncio.create_task(forwarder.run())
        await told(archive, ledger, forwarder, "before it runs")
        async with rsyslog.running():
            await until(lambda: "before it runs" in rsyslog.received())
            await told(archive, ledger, forwarder, "while it runs")
            await until(lambda: "while it runs" in rsyslog.received())
        await told(archive, ledger, forwarder, "while it is dead")
        async with rsyslog.running():
            await told(archive, ledger, forwarder, "afterwards")
            await until(lambda: {"while it is dead", "afterwards"} <= rsyslog.received())
        task.cancel()
        await ledger.close()


async def test_a_collector_with_another_certificate_is_told_nothing(tmp_path: Path) -> None:
    require("rsyslogd")
    rsyslog = Rsyslog(tmp_path)
    other = ssl.create_default_context(cafile=str(certificate(tmp_path, "other")[0]))
    async with archive_at(tmp_path / "data") as archive, rsyslog.running():
        ledger = Ledger(archive, bytes(KEY_BYTES))
        await ledger.start()
        honest = Forwarder(archive.records, rsyslog.collector, Reporter("pacs"), first_pause_s=0.05)
        wrong = Forwarder(
            archive.records, rsyslog.collector._replace(context=other), Reporter("elsewhere"), first_pause_s=0.05
        )
        task = asyncio.create_task(wrong.run())
        await told(archive, ledger, wrong, "ann")
        second = asyncio.create_task(honest.run())
        await until(lambda: "ann" in rsyslog.received())
        for one in (task, second):
            one.cancel()
        await ledger.close()
    assert b"elsewhere" not in (tmp_path / "received").read_bytes()
