"""What was allowed a moment ago, and what was kept of it, is gone with the next request once somebody says so."""

from collections.abc import Iterator
from typing import NamedTuple

import httpx
import pytest
from sqlalchemy import Connection

from sagittal.access import accounts, break_glass, consent, links, policy, sessions, shares, tokens
from sagittal.access.consent import Of
from sagittal.access.links import NewLink
from sagittal.access.resolving import POLICY, person_actor
from sagittal.access.shares import NewShare
from sagittal.lifecycle.rejecting import reject, restore
from sagittal.runtime.actor import LOCAL
from sagittal.runtime.settings import RoleAt
from support.archives import instance, soon
from support.deployment import NORTH, SOUTH, Deployment, answers, deployed

HERE, THERE = "1.2.6.1", "1.2.6.2"
KEPT_BYTES = 8192  # longer answers of searches are kept
WAYS = ("frames", "metadata", "file", "search", "long search")


class Reader(NamedTuple):
    """Somebody with a token or a session, who has asked for everything twice: what can be kept of it is."""

    client: httpx.Client

    def sees(self, study: str, way: str) -> bool:
        """Whether they are given a study."""
        one = f"/studies/{study}/series/{study}.1/instances/{study}.1.1"
        path, accept = {
            "frames": (f"{one}/frames/1", "multipart/related; type=application/octet-stream"),
            "metadata": (f"/studies/{study}/metadata", "application/dicom+json"),
            "file": (one, "application/dicom"),
            "search": (f"/studies?StudyInstanceUID={study}", "application/dicom+json"),
            "long search": (f"/instances?StudyInstanceUID={study}&includefield=all", "application/dicom+json"),
        }[way]
        answer = self.client.get(f"/dicom-web{path}", headers={"accept": accept})
        if answer.status_code in (303, 401, 403, 404):
            return False
        assert answer.status_code == 200, answer.text
        found = answers(answer) if "search" in way else [{}]
        assert not found or way != "long search" or len(answer.content) > KEPT_BYTES
        return bool(found)

    def all_seen(self, study: str) -> set[bool]:
        return {self.sees(study, way) for way in WAYS}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("at-once") / "data") as deployment:
        for facility, study in ((NORTH, HERE), (SOUTH, THERE)):
            uids = {"StudyInstanceUID": study, "SeriesInstanceUID": f"{study}.1", "PatientID": study}
            more = [instance(**uids, SOPInstanceUID=f"{study}.1.{number}") for number in range(1, 13)]
            deployment.keep(facility, *more)
        yield deployment


def reader(site: Deployment, name: str, role: str = "radiologist") -> tuple[int, Reader]:
    account = site.account(name, RoleAt(role, NORTH))  # type: ignore[arg-type]  # a role
    return account, Reader(site.client(token=site.token(account)))


def warmed(one: Reader, study: str, *, sees: bool) -> Reader:
    for _ in range(2):
        assert one.all_seen(study) == {sees}
    return one


def test_an_account_that_is_disabled_is_out(site: Deployment) -> None:
    account, one = reader(site, "disabled")
    warmed(one, HERE, sees=True)
    site.change(lambda c: accounts.set_disabled(c, account, True))
    assert one.all_seen(HERE) == {False}


def test_a_token_that_is_revoked_is_void(site: Deployment) -> None:
    account, one = reader(site, "revoked")
    warmed(one, HERE, sees=True)
    (token,) = site.change(lambda c: tokens.every(c, account))
    site.change(lambda c: tokens.revoke(c, token.id, site.archive.now_ns()))
    assert one.all_seen(HERE) == {False}


def test_who_is_signed_out_is_out(site: Deployment) -> None:
    account, _ = reader(site, "signed out")
    one = warmed(Reader(site.client(cookie=site.session(account))), HERE, sees=True)
    site.change(lambda c: sessions.end_all(c, account))
    assert one.all_seen(HERE) == {False}


def test_roles_that_are_taken_and_given_count(site: Deployment) -> None:
    account, one = reader(site, "roles")
    warmed(one, HERE, sees=True)
    site.change(lambda c: accounts.set_roles(c, account, [RoleAt("radiologist", SOUTH)]))
    assert (one.all_seen(HERE), one.all_seen(THERE)) == ({False}, {True})
    site.change(lambda c: accounts.set_roles(c, account, [RoleAt("radiologist", NORTH)]))
    assert (one.all_seen(HERE), one.all_seen(THERE)) == ({True}, {False})


def test_the_policy_counts_as_it_is_now(site: Deployment) -> None:
    _, one = reader(site, "policy", "technologist")
    warmed(one, HERE, sees=True)
    site.change(lambda c: policy.change(c, "technologist", "performed_here", ["store"]))
    try:
        assert one.all_seen(HERE) == {False}
    finally:
        site.change(lambda c: policy.reset(c, "technologist"))
    assert one.all_seen(HERE) == {True}


def test_a_share_counts_from_its_giving_to_its_taking_back(site: Deployment) -> None:
    account, one = reader(site, "share")
    warmed(one, THERE, sees=False)
    new = NewShare("shared", THERE, to_account=account)
    number = site.change(lambda c: shares.give(c, new, "test", site.archive.now_ns()))
    assert one.all_seen(THERE) == {True}
    warmed(one, THERE, sees=True)
    site.change(lambda c: shares.revoke(c, number, site.archive.now_ns()))
    assert one.all_seen(THERE) == {False}


def test_a_glass_that_is_broken_opens_at_once(site: Deployment) -> None:
    account, one = reader(site, "glass")
    warmed(one, THERE, sees=False)
    now_ns = site.archive.now_ns()

    def break_it(connection: Connection) -> None:
        actor = person_actor(connection, accounts.get(connection, account), POLICY, now_ns)
        break_glass.open_study(connection, actor, THERE, "an emergency at night", now_ns)

    site.change(break_it)
    assert one.all_seen(THERE) == {True}


def test_what_is_rejected_is_gone_and_what_is_restored_is_back(site: Deployment) -> None:
    _, one = reader(site, "rejected")
    warmed(one, HERE, sees=True)
    rejection = site.run(reject(site.archive, LOCAL, study=HERE, deadline=soon()))
    assert one.all_seen(HERE) == {False}
    site.run(restore(site.archive, LOCAL, rejection.id, deadline=soon()))
    assert one.all_seen(HERE) == {True}


@pytest.mark.parametrize("end", ["revoked", "its maker disabled"])
def test_what_a_share_link_opened_ends_with_it(site: Deployment, end: str) -> None:
    maker, _ = reader(site, f"link {end}")
    one = Reader(site.client(cookie=site.link_session(NewLink(HERE, account=maker))))
    for _ in range(2):
        assert one.sees(HERE, "frames")
    (link,) = site.change(lambda c: links.every(c, account=maker))
    if end == "revoked":
        site.change(lambda c: links.revoke(c, link.id, site.archive.now_ns()))
    else:
        site.change(lambda c: accounts.set_disabled(c, maker, True))
    assert not one.sees(HERE, "frames")


def test_a_patient_who_says_no_is_heard_by_the_next_export(site: Deployment) -> None:
    _, one = reader(site, "consent")
    path, zipped = f"/dicom-web/studies/{HERE}", {"accept": "application/zip"}
    of = Of(HERE, HERE, "")

    def say(*, is_given: bool) -> None:
        site.change(lambda c: consent.record(c, of, "export", "test", site.archive.now_ns(), is_given=is_given))

    assert [one.client.get(path, headers=zipped).status_code for _ in range(2)] == [200, 200]
    say(is_given=False)
    assert one.client.get(path, headers=zipped).status_code == 403
    say(is_given=True)
    assert one.client.get(path, headers=zipped).status_code == 200
