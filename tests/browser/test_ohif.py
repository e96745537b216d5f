"""OHIF, served by us: its study list, the way into a study, its files and what they may do."""

import gzip
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, expect

from support import phantom
from support.archives import instance
from support.server import Server, running
from support.viewer import Viewer, require_viewer, stow

pytestmark = [pytest.mark.xdist_group("browser-pictures"), pytest.mark.timeout(180)]

NAMED = {
    *("127.0.0.1", "host.invalid", "ohif.invalid"),
    *("www.w3.org", "www.opengis.net", "quantome.org"),
    *("ohif.org", "github.com", "reactjs.org", "reactrouter.com", "www.mozilla.org", "www.locize.io"),
}
"""Hosts in names of schemes, in messages and in links that a person may follow; nothing there is asked for."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("ohif") / "data") as started:
        stow(started, phantom.ct_series(phantom.study("PHANTOM", "Phantom^Known", "CT of a phantom", "20260301"))[0])
        stow(started, instance("examples_palette.dcm", PatientID="US", PatientName="Sound^Ultra", StudyDate="20251224"))
        for number in range(30):
            one = instance(PatientID=f"P{number:02}", PatientName=f"Many^N{number:02}", StudyDescription="One of many")
            one.StudyDate = f"202601{number + 1:02}"
            stow(started, one)
        stow(started, instance(PatientID="NONE", PatientName="", Modality="", StudyDate="", StudyDescription=""))
        yield started


@pytest.fixture
def study_list(viewer: Viewer) -> Page:
    """The page with all studies, as wide as it needs for all columns."""
    viewer.page.set_viewport_size({"width": 1280, "height": 800})
    viewer.page.goto(f"{viewer.root}/ohif/")
    expect(viewer.page.get_by_role("button", name="Rows per page")).to_have_text("1-33 of 33")
    return viewer.page


def expect_patients(page: Page, *names: str) -> None:
    """Waits until the list begins with them; `""` is a study without a name."""
    rows = page.locator("tbody tr")
    for number, name in enumerate(names, 1):  # the first row holds the filters
        expect(rows.nth(number).locator("td").first).to_have_text(name)


def test_the_page_about_leads_to_the_study_list_and_that_to_the_study(viewer: Viewer) -> None:
    viewer.page.set_viewport_size({"width": 1280, "height": 800})
    viewer.page.goto(f"{viewer.root}/about")
    viewer.page.get_by_role("link", name="OHIF").click()
    viewer.page.get_by_text("CT of a phantom").first.click()
    expect(viewer.page.get_by_text("Phantom 2.0 mm")).to_be_visible()
    viewer.shot("ohif-study-list")
    viewer.page.get_by_role("button", name="Basic Viewer").click()
    viewer.wait_until_shown()
    assert "/ohif/viewer?" in viewer.page.url


def test_the_study_list_is_paged_and_sorted(study_list: Page) -> None:
    expect_patients(study_list, "Phantom, Known", "Many, N29")
    pages = study_list.get_by_role("button", name="Rows per page")
    pages.click()
    study_list.get_by_role("menuitem", name="25 per page").click()
    study_list.keyboard.press("Escape")
    expect(pages).to_have_text("1-25 of 33")
    study_list.get_by_role("button", name="Next page").click()
    expect(pages).to_have_text("26-33 of 33")
    expect_patients(study_list, "Many, N05", "Many, N04")
    study_list.get_by_role("button", name="Previous page").click()
    study_list.get_by_role("button", name="Sort Patient").click()
    expect_patients(study_list, "", "Many, N00", "Many, N01")


def test_the_study_list_is_filtered_by_each_column(study_list: Page) -> None:
    count = study_list.get_by_role("button", name="Rows per page")
    fields = study_list.locator("tbody tr").first.locator("input")
    reset = study_list.get_by_role("button", name="Reset filters")
    fields.first.fill("N07")
    expect(count).to_have_text("1-1 of 1")
    expect_patients(study_list, "Many, N07")
    reset.click()
    fields.last.fill("phantom")
    expect(count).to_have_text("1-1 of 1")
    expect_patients(study_list, "Phantom, Known")
    reset.click()
    study_list.get_by_role("combobox", name="Filter Modalities").click()
    study_list.get_by_role("option", name="US", exact=True).click()
    expect(count).to_have_text("1-1 of 1")
    expect_patients(study_list, "Sound, Ultra")
    study_list.keyboard.press("Escape")
    reset.click()
    for name, day in (("start", "2026-01-05"), ("end", "2026-01-07")):
        field = study_list.locator(f'[data-cy="input-date-range-{name}"]')
        field.fill(day)
        field.press("Enter")
    expect(count).to_have_text("1-3 of 3")
    expect_patients(study_list, "Many, N06", "Many, N05", "Many, N04")


def test_only_workflows_that_work_are_offered(study_list: Page) -> None:
    study_list.get_by_text("Sound, Ultra").click()
    offered = study_list.get_by_role("button", name=re.compile("Viewer|Segmentation|mode|Annotation|4D|TMTV|Pleura"))
    expect(offered).to_have_text(["Basic Viewer", "Segmentation"])


def test_segments_can_be_drawn(viewer: Viewer) -> None:
    viewer.open_study("PHANTOM", mode="segmentation")
    expect(viewer.page.get_by_text("Add segmentation")).to_be_visible()
    viewer.shot("ohif-segmentation-mode")


def test_the_viewers_files_are_packed_kept_and_fenced_in(server: Server) -> None:
    require_viewer()
    root = server.web.removesuffix("/dicom-web")
    page = httpx.get(f"{root}/ohif/")
    policy = page.headers["content-security-policy"]
    bundle = next(part for part in page.text.split('"') if "app.bundle" in part and part.endswith(".js"))
    plain = httpx.get(f"{root}{bundle}", headers={"accept-encoding": "identity"})
    for coding in ("br", "gzip"):
        packed = httpx.get(f"{root}{bundle}", headers={"accept-encoding": coding})
        assert packed.headers["content-encoding"] == coding
        assert int(packed.headers["content-length"]) < len(plain.content) / 3
    assert "immutable" in plain.headers["cache-control"]
    assert page.headers["cache-control"] == "no-cache"
    assert "unsafe-eval" not in policy.replace("wasm-unsafe-eval", "")
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
    assert "<script>" not in page.text
    assert "://" not in httpx.get(f"{root}/ohif/app-config.js").text


def test_a_file_of_another_version_is_not_found_rather_than_a_page(server: Server) -> None:
    root = server.web.removesuffix("/dicom-web")
    assert httpx.get(f"{root}/ohif/3.0.0-00000000/app.bundle.js").status_code == 404
    assert httpx.post(f"{root}/ohif/").status_code == 405
    assert httpx.get(f"{root}/ohif/viewer").headers["content-type"].startswith("text/html")


def test_the_viewer_holds_no_maps_no_service_worker_and_no_host_to_ask() -> None:
    require_viewer()
    dist: Path = import_module("sagittal_ohif").DIST
    names = [file.relative_to(dist).as_posix() for file in dist.rglob("*")]
    assert not [name for name in names if re.search(r"\.map$|/ort/|service-worker|/sw\.js|google|oidc", name)]
    hosts = set()
    for file in dist.rglob("*.js"):
        text = file.read_text("utf-8")
        assert "//# sourceMappingURL=" not in text
        hosts |= set(re.findall(r"[\"'`]https?://([a-z0-9-]+(?:\.[a-z0-9-]+)+)", text))
    assert hosts == NAMED
    for packed in list(dist.rglob("*.js.gz"))[:5]:
        assert gzip.decompress(packed.read_bytes()) == packed.with_suffix("").read_bytes()


# Of an array of [4, 3, 5]: what is asked of `ndarray`, and of numpy as the oracle.
VIEWS: list[tuple[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]]] = [
    ("v", lambda a: a),
    ("v.lo(1, 2)", lambda a: a[1:, 2:]),
    ("v.hi(2, undefined, 3)", lambda a: a[:2, :, :3]),
    ("v.lo(1).hi(2, 2).lo(0, 1, 2)", lambda a: a[1:][:2, :2][:, 1:, 2:]),
    ("v.step(2, -1)", lambda a: a[::2, ::-1]),
    ("v.step(-3, 1, 2)", lambda a: a[::-3, :, ::2]),
    ("v.transpose(2, 0, 1)", lambda a: a.transpose(2, 0, 1)),
    ("v.pick(-1, 2)", lambda a: a[:, 2]),
    ("v.pick(3, undefined, 1).step(-1)", lambda a: a[3, :, 1][::-1]),
    ("v.pick(1, 2, 3)", lambda a: np.asarray(a[1, 2, 3])),
    ("(v.set(3, 2, 4, 99), v.pick(3))", lambda a: np.where(a[3] == a[3, 2, 4], 99, a[3])),
]
READ = """() => {
    const order = function () { return this.stride.map((_, axis) => axis).sort((a, b) => this.stride[a] - this.stride[b]); };
    const constructors = [];
    for (let dimension = -1; dimension < 4; dimension++) constructors.push(window.ndarrayViews('uint8', dimension, constructors, order));
    const v = constructors[4](Uint8Array.from({length: 60}, (_, i) => i), [4, 3, 5], [15, 5, 1], 0);
    const view = EXPRESSION;
    const walk = (at) => at.length === view.shape.length ? view.get(...at)
        : Array.from({length: view.shape[at.length]}, (_, i) => walk([...at, i]));
    return {values: walk([]), shape: view.shape, size: view.size, order: view.order, dimension: view.dimension};
}"""


def test_views_of_arrays_are_what_numpy_says(viewer: Viewer) -> None:
    viewer.page.goto(f"{viewer.root}/ohif/")
    for expression, sliced in VIEWS:
        expected = sliced(np.arange(60, dtype=np.uint8).reshape(4, 3, 5))
        found = viewer.page.evaluate(READ.replace("EXPRESSION", expression))
        assert found["values"] == expected.tolist(), expression
        assert tuple(found["shape"]) == expected.shape
        assert (found["size"], found["dimension"]) == (expected.size, expected.ndim)
        assert sorted(found["order"]) == list(range(expected.ndim))
