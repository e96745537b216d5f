"""What the light viewer is told and what it keeps, of a whole deployment."""

import re
from collections.abc import Iterator

import httpx
import pytest

from sagittal.runtime.settings import RoleAt
from support import phantom
from support.deployment import NORTH, Deployment, deployed

STUDY = phantom.study("P", "Doe^Jane", "A study")
SLICES = phantom.ct_series(STUDY, coarse=4)
PRIOR = phantom.ct_series(phantom.study("P", "Doe^Jane", "A prior", "20250101"), coarse=8)
KEPT = f"/view/{STUDY.StudyInstanceUID}/kept"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("viewer") / "data") as deployment:
        for one in (*SLICES, *PRIOR):
            deployment.keep(NORTH, one)
        yield deployment


@pytest.fixture(scope="module")
def reader(site: Deployment) -> Iterator[httpx.Client]:
    account = site.account("reader", RoleAt("radiologist", NORTH), facility=NORTH)
    with site.client(token=site.token(account)) as client:
        yield client


def test_a_page_begins_with_the_slice_in_the_middle_and_knows_the_prior(reader: httpx.Client) -> None:
    found = reader.get(f"/view/{STUDY.StudyInstanceUID}/study").json()
    assert found["first"][1] == SLICES[len(SLICES) // 2].SOPInstanceUID
    assert [one["description"] for one in found["priors"]] == ["A prior"]
    assert found["patient"]["name"] == "Doe, Jane"


def test_a_picture_whose_address_names_its_bytes_is_kept_for_good(reader: httpx.Client) -> None:
    page = reader.get(f"/view/{STUDY.StudyInstanceUID}", headers={"accept": "text/html"})
    (address,) = re.findall(r'src="(/dicom-web[^"]+)"', page.text)
    address = address.replace("&amp;", "&")
    assert "immutable" in reader.get(address).headers["cache-control"]
    assert "immutable" not in reader.get(address.replace("&v=", "&v=0")).headers["cache-control"]
    assert "script-src 'self';" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"


def test_findings_of_other_instances_or_of_the_wrong_form_are_not_kept(reader: httpx.Client) -> None:
    place = {"uid": str(SLICES[0].SOPInstanceUID), "frame": 0}
    length = {"kind": "length", "place": place, "points": [[1, 2], [3, 4]], "values": []}
    for wrong in (
        {},
        {"measures": [length | {"points": [[1, 2]]}]},
        {"measures": [length | {"place": {"uid": str(PRIOR[0].SOPInstanceUID)}}]},
        {"measures": [length | {"place": place | {"frame": 2}}]},
        {"measures": [length | {"points": [[1, 2], [3, 1e300]]}]},
        {"keys": [{"uid": "1.2.3"}]},
        {"unknown": 1},
    ):
        assert reader.post(KEPT, json=wrong).status_code == 400, wrong
    assert reader.get(KEPT).json() == {"measures": [], "marks": [], "keys": [], "states": []}


def test_who_may_only_look_keeps_nothing(site: Deployment) -> None:
    account = site.account("looker", RoleAt("radiologist", NORTH), facility=NORTH)
    with site.client(token=site.token(account, "query", "read")) as client:
        answer = client.post(KEPT, json={"keys": [{"uid": str(SLICES[0].SOPInstanceUID)}]})
    assert answer.status_code == 403


def test_what_somebody_keeps_names_them_and_is_read_back(reader: httpx.Client) -> None:
    place = {"uid": str(SLICES[0].SOPInstanceUID), "frame": 0}
    values = [{"name": "length", "value": 12.5, "unit": "mm"}]
    measure = {"kind": "length", "place": place, "points": [[1, 2], [3, 4]], "values": values}
    state = {"place": place, "area": [1, 1, 40, 32], "window": [50, 400], "quarters": 3, "shape": "INVERSE"}
    uids = reader.post(KEPT, json={"measures": [measure], "keys": [place], "state": state}).json()
    assert all(uids.values())
    found = reader.get(KEPT).json()
    assert found["measures"][0]["values"] == values
    assert found["keys"] == [place | {"frame": 1}]
    assert (found["states"][0]["quarters"], found["states"][0]["shape"]) == (3, "INVERSE")
    report = reader.get(f"/dicom-web/instances/{uids['report']}/metadata").json()[0]
    observers = [one for one in report["0040A730"]["Value"] if one["0040A040"]["Value"] == ["PNAME"]]
    assert observers[0]["0040A123"]["Value"] == [{"Alphabetic": "reader"}]
