"""Accounts changed by `sagittal` in another process while this one has the archive open."""

import asyncio
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from sagittal.access import accounts
from sagittal.access.accounts import NewAccount
from sagittal.access.passkeys import relying_party
from sagittal.access.passwords import Passwords, hash_password
from sagittal.access.porter import Porter
from sagittal.access.resolving import POLICY
from sagittal.access.signin import SignedIn, SignIn
from sagittal.access.visitor import Visitor
from sagittal.errors import Refused
from sagittal.runtime.settings import RoleAt, Settings
from support.archives import archive_at
from support.records import SEAL

PASSWORD = "correct horse battery"
VISITOR = Visitor("web", "localhost", "127.0.0.1")


async def sagittal(data: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "sagittal", *arguments, "--data", str(data)]
    run = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, env=os.environ, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


async def test_what_another_process_changes_is_in_force_at_once(tmp_path: Path) -> None:
    settings, passwords = Settings(), Passwords()
    async with archive_at(tmp_path) as archive:
        new = NewAccount("jo", password=hash_password(PASSWORD))
        role = RoleAt("radiologist", "*")
        await archive.records.write(lambda c: accounts.create(c, new, (role,), time.time_ns()))
        porter = Porter(archive.records, settings, passwords, rules=POLICY)
        sign_in = SignIn(archive.records, settings, passwords, relying_party(settings), SEAL)
        signed_in = await sign_in.password("jo", PASSWORD, VISITOR)
        assert isinstance(signed_in, SignedIn)
        before = (await porter.admit_session(signed_in.session.secret, VISITOR)).actor
        await sagittal(tmp_path, "user", "role", "jo", "--give", "auditor", "--take", "radiologist")
        after = (await porter.admit_session(signed_in.session.secret, VISITOR)).actor
        token = (await sagittal(tmp_path, "token", "create", "jo", "script", "--may", "audit")).strip()
        machine = await porter.admit_token(token, VISITOR)
        await sagittal(tmp_path, "user", "disable", "jo")
        with pytest.raises(Refused):
            await porter.admit_session(signed_in.session.secret, VISITOR)
        with pytest.raises(Refused):
            await porter.admit_token(token, VISITOR)
        porter.close()
    passwords.close()
    assert (before.roles, after.roles) == (("radiologist",), ("auditor",))
    assert before.grants != after.grants
    assert {action for grant in machine.grants for action in grant.actions} == {"audit"}


async def test_both_write_at_one_time_and_nothing_is_lost(tmp_path: Path) -> None:
    async with archive_at(tmp_path) as archive:
        beside = [
            asyncio.ensure_future(sagittal(tmp_path, "user", "add", f"beside {number}", "--no-password"))
            for number in range(2)
        ]
        here = 0
        while not all(one.done() for one in beside):
            make = partial(accounts.create, new=NewAccount(f"here {here}"), roles=(), now_ns=time.time_ns())
            await archive.records.write(make)
            here += 1
        await asyncio.gather(*beside)
        names = {account.name for account in await archive.records.read(accounts.everyone)}
    assert here > 0
    assert names == {f"beside {number}" for number in range(2)} | {f"here {number}" for number in range(here)}
