"""The list of studies that people look at."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sagittal.archive.archive import Archive
from sagittal.errors import Refused
from sagittal.find.listing import SORTS, Listed, Listing, SortedBy, count_studies, facilities_listed, list_studies
from sagittal.runtime.actor import LOCAL, Actor, Grant
from support.archives import archive_at, instance, soon, store


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[Archive]:
    async with archive_at(tmp_path / "data") as opened:
        await store(
            opened,
            instance(PatientName="Müller^Jörg", PatientID="A-1", StudyDate="20240517", StudyDescription="Brain MRI"),
            instance(PatientName="Doe^Jane", PatientID="B-2", StudyDate="20230101", AccessionNumber="ACC77"),
            instance(PatientName="Doe^100%", PatientID="C_3", StudyDate="20230101", Modality="CT"),
        )
        yield opened


async def names(archive: Archive, actor: Actor = LOCAL, **asked: object) -> list[str]:
    listing = Listing(**asked)  # type: ignore[arg-type]  # of a test
    return [one.patient_name for one in await list_studies(archive, actor, listing, soon())]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("jorg MULLER", ["Müller^Jörg"]),
        ("muller 2024-05", ["Müller^Jörg"]),
        ("mri", ["Müller^Jörg"]),
        ("acc77", ["Doe^Jane"]),
        ("doe ct", ["Doe^100%"]),
        ("100%", ["Doe^100%"]),
        ("C_3", ["Doe^100%"]),
        ("A_1", []),
        ("01.01.2023 b-2", ["Doe^Jane"]),
        ("nobody", []),
        ("local", ["Müller^Jörg", "Doe^100%", "Doe^Jane"]),
    ],
)
async def test_every_word_is_in_one_of_the_attributes(archive: Archive, text: str, found: list[str]) -> None:
    assert await names(archive, text=text) == found


@pytest.mark.parametrize("by", SORTS)
@pytest.mark.parametrize("is_falling", [True, False])
async def test_pages_one_after_the_other_give_every_study_once(
    archive: Archive, by: SortedBy, is_falling: bool
) -> None:
    listing = Listing(sorted_by=by, is_falling=is_falling)
    whole = await list_studies(archive, LOCAL, listing, soon())
    paged: list[Listed] = []
    while True:
        after = paged[-1].id if paged else 0
        page = await list_studies(
            archive, LOCAL, Listing(sorted_by=by, is_falling=is_falling, after=after, limit=1), soon()
        )
        if not page:
            break
        paged += page
    assert len(whole) == 3
    assert tuple(paged) == whole


async def test_filters_hold_together(archive: Archive) -> None:
    assert await names(archive, modality="MR", since="20230101", until="20231231") == ["Doe^Jane"]
    assert await names(archive, facility="elsewhere") == []


async def test_all_pages_are_counted(archive: Archive) -> None:
    assert await count_studies(archive, LOCAL, Listing(text="doe", limit=1), soon()) == 2


async def test_what_the_policy_leaves_out_is_not_there(archive: Archive) -> None:
    one = (await list_studies(archive, LOCAL, Listing(text="jane"), soon()))[0]
    query = frozenset({"query"})
    linked = Actor(
        door="web",
        kind="link",
        link=(one.study_instance_uid, ""),
        grants=(Grant(query, "linked", ("*",)),),  # type: ignore[arg-type]  # of a test
    )
    assert await names(archive, linked) == ["Doe^Jane"]
    assert await count_studies(archive, linked, Listing(), soon()) == 1
    elsewhere = Actor(door="web", kind="person", grants=(Grant(query, "performed_here", ("there",)),))  # type: ignore[arg-type]  # of a test
    assert await names(archive, elsewhere) == []
    assert await facilities_listed(archive, elsewhere, soon()) == ()
    assert await facilities_listed(archive, LOCAL, soon()) == ("local",)
    with pytest.raises(Refused):
        await names(archive, Actor(door="web"))


async def test_no_page_begins_after_a_study_that_is_not_theirs(archive: Archive) -> None:
    """Else where it stands among theirs would tell of its name."""
    await store(archive, instance(PatientName="Middle^Of", PatientID="D-4"))
    (hidden,) = [one for one in await list_studies(archive, LOCAL, Listing(), soon()) if one.patient_id == "D-4"]
    (open_one,) = await list_studies(archive, LOCAL, Listing(text="jane"), soon())
    grant = Grant(frozenset({"query"}), "linked", ("*",))
    linked = Actor(door="web", kind="link", link=(open_one.study_instance_uid, ""), grants=(grant,))

    assert await names(archive, LOCAL, after=hidden.id, sorted_by="name") != []
    assert await names(archive, linked, sorted_by="name") == ["Doe^Jane"]
    assert await names(archive, linked, after=hidden.id, sorted_by="name") == []


async def test_words_are_told_by_their_names_only(archive: Archive) -> None:
    assert Listing(text="Doe", since="20240101").asked() == ["words", "StudyDate"]
