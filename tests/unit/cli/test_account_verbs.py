"""`sagittal user`, `token` and `link` on a data folder."""

import asyncio
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sagittal.access import accounts, links, tokens, totp
from sagittal.access.passwords import is_password
from sagittal.archive.records.records import RECORDS_NAME, RecordsReader
from sagittal.cli.app import app
from support.archives import archive_at, instance, store
from support.records import SEAL

PASSWORD = "correct horse battery"


def said(data: Path, *arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(app, [*arguments, "--data", str(data)], input=typed)


def done(data: Path, *arguments: str, typed: str = "") -> Result:
    result = said(data, *arguments, typed=typed)
    assert result.exit_code == 0, result.output + str(result.exception)
    return result


def add(data: Path, name: str, *more: str) -> None:
    done(data, "user", "add", name, "--password-file", "-", *more, typed=f"{PASSWORD}\n")


def verifiable(data: Path, name: str) -> accounts.Verifiable:
    async def read() -> accounts.Verifiable:
        records = RecordsReader(data / RECORDS_NAME)
        try:
            return await records.read(lambda connection: accounts.verifiable(connection, name))
        finally:
            records.close()

    return asyncio.run(read())


def ledger(data: Path, act: str) -> str:
    return done(data, "audit", "search", "--act", act).output


def test_an_account_is_made_with_a_password_from_standard_input(tmp_path: Path) -> None:
    add(tmp_path, "root", "--role", "administrator", "--full-name", "Ruth Root")
    assert is_password(verifiable(tmp_path, "root").password, PASSWORD)
    listed = done(tmp_path, "user", "list").output
    assert "Ruth Root" in listed
    assert "administrator" in listed
    assert "account root" in ledger(tmp_path, "account changed")


def test_a_password_is_read_from_a_file_or_asked_for_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text(f"{PASSWORD}\n")
    done(tmp_path, "user", "add", "one", "--password-file", str(tmp_path / "secret"))
    monkeypatch.setattr("sagittal.cli.passwords.is_asked", lambda: True)
    asked = done(tmp_path, "user", "add", "two", typed=f"{PASSWORD}\n{PASSWORD}\n")
    assert PASSWORD not in asked.output
    assert said(tmp_path, "user", "add", "three", typed=f"{PASSWORD}\nanother\n").exit_code != 0
    assert all(is_password(verifiable(tmp_path, name).password, PASSWORD) for name in ("one", "two"))


def test_where_nobody_can_be_asked_no_account_is_made(tmp_path: Path) -> None:
    assert said(tmp_path, "user", "add", "jo").exit_code != 0
    assert "there is no account" in done(tmp_path, "user", "list").output


@pytest.mark.parametrize(
    "more",
    [("--role", "king"), ("--role", "teacher@nowhere"), ("--facility", "nowhere"), ("--password", PASSWORD)],
)
def test_what_cannot_be_leaves_no_account_and_no_line(tmp_path: Path, more: tuple[str, ...]) -> None:
    assert said(tmp_path, "user", "add", "jo", "--password-file", "-", *more, typed=f"{PASSWORD}\n").exit_code != 0
    assert "there is no account" in done(tmp_path, "user", "list").output
    assert "account jo" not in ledger(tmp_path, "account changed")


def test_a_weak_password_is_refused_without_being_told(tmp_path: Path) -> None:
    result = said(tmp_path, "user", "add", "jo", "--password-file", "-", typed="canary\n")
    assert result.exit_code != 0
    assert "canary" not in result.output + str(result.exception)


def test_another_password_takes_the_place_of_the_first(tmp_path: Path) -> None:
    add(tmp_path, "jo")
    done(tmp_path, "user", "password", "jo", "--password-file", "-", "--must-change", typed="another long one\n")
    kept = verifiable(tmp_path, "jo")
    assert is_password(kept.password, "another long one")
    assert kept.must_change_password


def test_roles_are_given_and_taken(tmp_path: Path) -> None:
    done(tmp_path, "facility", "add", "north")
    add(tmp_path, "jo", "--role", "teacher")
    given = done(tmp_path, "user", "role", "jo", "--give", "radiologist@north", "--take", "teacher").output
    assert given.strip() == "radiologist@north"
    assert done(tmp_path, "user", "role", "jo").output.strip() == "radiologist@north"
    assert "+radiologist@north -teacher" in ledger(tmp_path, "roles changed")


def test_the_last_administrator_is_not_disabled(tmp_path: Path) -> None:
    add(tmp_path, "root", "--role", "administrator")
    assert said(tmp_path, "user", "disable", "root").exit_code != 0
    add(tmp_path, "second", "--role", "administrator")
    done(tmp_path, "user", "disable", "root")
    assert verifiable(tmp_path, "root").is_disabled
    done(tmp_path, "user", "enable", "root")
    assert not verifiable(tmp_path, "root").is_disabled


def test_a_lost_second_factor_is_taken_off(tmp_path: Path) -> None:
    add(tmp_path, "jo")

    async def set_up() -> None:
        async with archive_at(tmp_path) as archive:
            secret = await archive.records.write(lambda c: totp.begin(c, 1, SEAL))
            code = totp.code_at(secret, 1_000_000)
            at_ns = 1_000_000 * totp.STEP_S * 10**9
            await archive.records.write(lambda c: totp.confirm(c, 1, code, at_ns, SEAL))

    asyncio.run(set_up())
    assert "10 recovery codes" in done(tmp_path, "user", "show", "jo").output
    done(tmp_path, "user", "totp-reset", "jo")
    assert "recovery codes" not in done(tmp_path, "user", "show", "jo").output


def test_somebody_is_described_anew(tmp_path: Path) -> None:
    add(tmp_path, "jo", "--person-name", "DOE^JO")
    done(tmp_path, "user", "describe", "jo", "--full-name", "Jo Smith", "--person-name", "SMITH^JO")
    shown = done(tmp_path, "user", "show", "jo").output
    assert "Jo Smith" in shown
    assert "DOE^JO" not in shown


@pytest.mark.parametrize("verb", ["show", "disable", "password", "totp-reset", "sign-out", "role"])
def test_an_account_that_is_not_there_is_told(tmp_path: Path, verb: str) -> None:
    assert "no account has the name" in str(said(tmp_path, "user", verb, "nobody").exception)


def test_a_token_is_printed_alone_and_once(tmp_path: Path) -> None:
    done(tmp_path, "user", "add", "robot", "--no-password", "--role", "service")
    made = done(tmp_path, "token", "create", "robot", "backups", "--may", "query", "--may", "read")
    shown = made.stdout.strip()
    assert tokens.digest_of_token(shown) is not None
    listed = done(tmp_path, "token", "list").output
    assert "query read" in listed
    assert shown not in listed
    assert shown not in ledger(tmp_path, "account changed")
    done(tmp_path, "token", "revoke", "1")
    assert "revoked" in done(tmp_path, "token", "list", "--user", "robot").output


def test_a_token_for_what_there_is_not_is_refused(tmp_path: Path) -> None:
    done(tmp_path, "user", "add", "robot", "--no-password")
    assert said(tmp_path, "token", "create", "robot", "x", "--may", "fly").exit_code != 0
    assert said(tmp_path, "token", "create", "robot", "x", "--may", "read", "--facility", "nowhere").exit_code != 0
    assert "there is no token" in done(tmp_path, "token", "list").output


def stored_study(data: Path) -> str:
    async def put() -> str:
        dataset = instance()
        async with archive_at(data) as archive:
            await store(archive, dataset)
        return str(dataset.StudyInstanceUID)

    return asyncio.run(put())


def test_a_link_is_printed_as_an_address_that_names_nothing(tmp_path: Path) -> None:
    study = stored_study(tmp_path)
    made = done(tmp_path, "link", "create", study, "--openings", "3", "--pin-file", "-", typed="2468\n")
    address = made.stdout.strip()
    assert re.fullmatch(rf"http://localhost:8080{links.PATH}[\w-]{{43}}", address)
    assert study not in address
    listed = done(tmp_path, "link", "list", "--study", study).output
    assert study in listed
    assert address.rpartition("/")[2] not in listed
    assert study in ledger(tmp_path, "share")
    done(tmp_path, "link", "revoke", "1")
    assert "revoked" in done(tmp_path, "link", "list").output


def test_a_link_to_what_is_not_kept_is_refused(tmp_path: Path) -> None:
    study = stored_study(tmp_path)
    assert said(tmp_path, "link", "create", "1.2.3").exit_code != 0
    assert said(tmp_path, "link", "create", study, "--series", "1.2.3").exit_code != 0
    assert said(tmp_path, "link", "create", study, "--pin-file", "-", typed="1\n").exit_code != 0
    assert "there is no link" in done(tmp_path, "link", "list").output
