from functools import partial

import pytest

from sagittal.access import accounts, links, tokens
from sagittal.access.accounts import NewAccount
from sagittal.access.links import DOWNLOAD, VIEW, NewLink
from sagittal.access.tokens import NewToken, Token, digest_of_token, narrowed
from sagittal.archive.records.records import Records
from sagittal.errors import Invalid, NotFound
from sagittal.runtime.actor import ACTIONS, EVERYWHERE, Action, Grant
from support.records import Clock

STUDY = "1.2.3"


async def account(records: Records, clock: Clock) -> int:
    return await records.write(lambda c: accounts.create(c, NewAccount("jo"), (), clock()))


def token(*actions: str, facility: str = "*") -> Token:
    return Token(1, 1, "jo", "x", actions, facility, "", 0, 0, 0, "", 0)  # type: ignore[arg-type]  # names of actions


async def test_a_token_is_shown_once_and_found_by_its_digest(records: Records, clock: Clock) -> None:
    jo = await account(records, clock)
    number, shown = await records.write(lambda c: tokens.create(c, NewToken(jo, "robot", ("query",)), clock()))
    digest = digest_of_token(shown)
    assert digest is not None
    kept = await records.read(lambda c: tokens.look(c, digest))
    assert kept is not None
    assert (kept.id, kept.name, kept.actions, kept.facility) == (number, "jo", ("query",), "*")
    assert shown.removeprefix(tokens.PREFIX) not in repr(await records.fetch("SELECT * FROM tokens", ()))


@pytest.mark.parametrize("said", ["", "sgt_", "sgt_short", "x" * 47, "SGT_" + "x" * 43])
def test_what_has_not_the_form_of_a_token_is_looked_up_nowhere(said: str) -> None:
    assert digest_of_token(said) is None


async def test_a_token_that_is_good_for_nothing_is_not_made(records: Records, clock: Clock) -> None:
    jo = await account(records, clock)
    for new in (
        NewToken(jo, "robot", ()),
        NewToken(jo, "", ("query",)),
        NewToken(jo, "robot", ("fly",)),  # type: ignore[arg-type]  # as a script might
        NewToken(jo, "robot", ("query",), expires_ns=clock()),
    ):
        with pytest.raises(Invalid):
            await records.write(partial(tokens.create, new=new, now_ns=clock()))


async def test_a_token_is_revoked_by_its_number_and_its_owner(records: Records, clock: Clock) -> None:
    jo = await account(records, clock)
    number, _ = await records.write(lambda c: tokens.create(c, NewToken(jo, "robot", ("query",)), clock()))
    with pytest.raises(NotFound):
        await records.write(lambda c: tokens.revoke(c, number, clock(), account=jo + 1))
    await records.write(lambda c: tokens.revoke(c, number, clock(), account=jo))
    (kept,) = await records.read(lambda c: tokens.every(c, jo))
    assert not kept.is_good(clock())
    with pytest.raises(NotFound):
        await records.write(lambda c: tokens.revoke(c, number, clock()))


ALL: frozenset[Action] = frozenset(ACTIONS)
SOME: frozenset[Action] = frozenset({"query", "read"})
QUERY: frozenset[Action] = frozenset({"query"})
READ: frozenset[Action] = frozenset({"read"})


@pytest.mark.parametrize(
    ("grants", "made", "left"),
    [
        ((Grant(ALL, "any", EVERYWHERE),), token("query"), (Grant(QUERY, "any", EVERYWHERE),)),
        ((Grant(ALL, "any", EVERYWHERE),), token("query", facility="n"), (Grant(QUERY, "any", ("n",)),)),
        ((Grant(SOME, "any", ("n", "s")),), token("read", facility="n"), (Grant(READ, "any", ("n",)),)),
        ((Grant(SOME, "any", ("s",)),), token("read", facility="n"), ()),
        ((Grant(SOME, "any", ("s",)),), token("purge"), ()),
        ((), token(*ACTIONS), ()),
    ],
)
def test_a_token_never_has_more_than_its_account(
    grants: tuple[Grant, ...], made: Token, left: tuple[Grant, ...]
) -> None:
    assert narrowed(grants, made) == left


async def make(records: Records, clock: Clock, **how: object) -> tuple[int, str]:
    new = NewLink(STUDY, **how)  # type: ignore[arg-type]  # fields by name
    return await records.write(lambda c: links.create(c, new, clock()))


async def test_a_link_is_found_by_its_name_which_is_not_kept(records: Records, clock: Clock) -> None:
    number, name = await make(records, clock, series_instance_uid="1.2.3.4")
    link = await records.read(lambda c: links.find(c, name, clock()))
    assert (link.id, link.study_instance_uid, link.series_instance_uid) == (number, STUDY, "1.2.3.4")
    assert name not in repr(await records.fetch("SELECT * FROM links", ()))
    assert STUDY not in name


async def test_a_link_ends_with_its_time_its_openings_or_its_revocation(records: Records, clock: Clock) -> None:
    timed = (await make(records, clock, expires_ns=clock() + 10**9))[1]
    counted_number, counted = await make(records, clock, openings=2)
    revoked_number, revoked = await make(records, clock)
    for _ in range(2):
        await records.write(lambda c: links.count_opening(c, counted_number, clock()))
    await records.write(lambda c: links.revoke(c, revoked_number, clock()))
    clock.pass_s(1)
    said = set()
    for name in (timed, counted, revoked, "x" * 43, "../etc"):
        with pytest.raises(NotFound) as raised:
            await records.read(partial(links.find, name=name, now_ns=clock()))
        said.add(str(raised.value))
    assert len(said) == 1
    with pytest.raises(NotFound):
        await records.write(lambda c: links.count_opening(c, counted_number, clock()))


async def test_a_link_is_to_view_unless_downloads_are_said(records: Records, clock: Clock) -> None:
    for allows, actions in ((False, VIEW), (True, DOWNLOAD)):
        number, _ = await make(records, clock, allows_download=allows)
        (grant,) = (await records.read(partial(links.get, number=number))).grants()
        assert (grant.actions, grant.relation) == (actions, "linked")


async def test_who_made_a_link_sees_and_revokes_it_and_nobody_else(records: Records, clock: Clock) -> None:
    jo = await account(records, clock)
    number, _ = await make(records, clock, account=jo)
    await make(records, clock)
    assert [link.id for link in await records.read(lambda c: links.every(c, account=jo))] == [number]
    assert len(await records.read(lambda c: links.every(c, study=STUDY))) == 2
    with pytest.raises(NotFound):
        await records.write(lambda c: links.revoke(c, number, clock(), account=jo + 1))


@pytest.mark.parametrize("how", [{"openings": 0}, {"expires_ns": 1}])
async def test_a_link_that_could_not_be_opened_is_not_made(
    records: Records, clock: Clock, how: dict[str, object]
) -> None:
    with pytest.raises(Invalid):
        await make(records, clock, **how)


@pytest.mark.parametrize("pin", ["", "123", "1" * 65])
def test_a_pin_has_some_characters(pin: str) -> None:
    with pytest.raises(Invalid):
        links.check_pin(pin)
