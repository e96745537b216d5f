"""Pictures of every kind in OHIF: each is what we render of it, by other codecs and another pipeline."""

from collections.abc import Iterator
from io import BytesIO

import httpx
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from playwright.sync_api import expect
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames

from sagittal.dicom.identifiers import new_uid
from support import phantom
from support.archives import instance
from support.server import Server, running
from support.viewer import Viewer, extent, stow

HTJ2K_LOSSLESS = "1.2.840.10008.1.2.4.201"

pytestmark = [pytest.mark.xdist_group("browser-pictures"), pytest.mark.timeout(180)]

FILES = {
    "CINE": "examples_ybr_color.dcm",
    "CR": "RG3_J2KI.dcm",
    "MR": "MR-SIEMENS-DICOM-WithOverlays.dcm",
    "ENHANCED": "emri_small.dcm",
    "PALETTE": "examples_palette.dcm",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("pictures") / "data") as started:
        files = {patient_id: instance(file, PatientID=patient_id) for patient_id, file in FILES.items()}
        files["ENHANCED"].WindowCenter, files["ENHANCED"].WindowWidth = 213, 426  # else each takes its own
        stow(started, *files.values())
        stow(started, phantom.document(phantom.study("PDF", "Paper^Plain", "A report"), "No tumour, no stroke."))
        stow(started, *phantom.mammograms(phantom.study("MG", "Mammo^Four", "Screening")))
        stow(started, phantom.ct_series(phantom.study("PLAIN", "Plain^Ct", "Uncompressed"))[12])
        stow(started, in_htj2k(started, "PLAIN", "HTJ2K"))
        yield started


def instance_url(server: Server, patient_id: str) -> str:
    """Of the patient's only instance."""
    (found,) = httpx.get(f"{server.web}/instances", params={"PatientID": patient_id}).json()
    study, series, sop_instance = (found[tag]["Value"][0] for tag in ("0020000D", "0020000E", "00080018"))
    return f"{server.web}/studies/{study}/series/{series}/instances/{sop_instance}"


def in_htj2k(server: Server, patient_id: str, new_patient_id: str) -> Dataset:
    """The patient's only instance as our transcoder makes it, as another's."""
    accept = f'multipart/related; type="application/dicom"; transfer-syntax={HTJ2K_LOSSLESS}'
    answer = httpx.get(instance_url(server, patient_id), headers={"accept": accept})
    content = answer.content.partition(b"\r\n\r\n")[2].rpartition(b"\r\n--")[0]
    dataset = pydicom.dcmread(BytesIO(content))
    assert dataset.file_meta.TransferSyntaxUID == HTJ2K_LOSSLESS
    dataset.PatientID, dataset.StudyInstanceUID, dataset.SeriesInstanceUID = new_patient_id, new_uid(), new_uid()
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = new_uid()
    return dataset


@pytest.mark.parametrize(
    ("patient_id", "window", "difference"),
    [
        ("CR", "W: 1024 L: 550", 2),
        ("MR", "W: 790 L: 450", 3),
        ("ENHANCED", "W: 426 L: 213", 3),
        ("PALETTE", "W: 256 L: 128", 1),
    ],
)
def test_a_picture_is_what_we_render(viewer: Viewer, patient_id: str, window: str, difference: float) -> None:
    viewer.open_study(patient_id)
    viewer.shot(f"ohif-{patient_id.lower()}")
    picture = viewer.picture()
    assert viewer.overlay("bottom-left") == window
    assert picture.std() > 20, "there is something to be seen"
    assert viewer.difference(instance_url(viewer.server, patient_id)) < difference
    is_coloured = np.ptp(picture, axis=2).max() > 100
    assert is_coloured == (patient_id == "PALETTE")


def test_an_ultrasound_clip_is_played(viewer: Viewer) -> None:
    viewer.open_study("CINE")
    viewer.once(lambda: viewer.overlay("bottom-right"), lambda text: text.endswith("(1/30)"))
    first = viewer.picture()
    assert viewer.difference(instance_url(viewer.server, "CINE")) < 1
    viewer.control("cine-player-play-pause")
    viewer.page.wait_for_function("() => Number(document.body.innerText.match(/[(](\\d+)[/]30[)]/)?.[1]) > 9")
    viewer.control("cine-player-play-pause")
    viewer.wait_until_shown()
    viewer.shot("ohif-cine")
    assert viewer.overlay("bottom-right").endswith("/30)")
    assert np.abs(viewer.picture().astype(int) - first).max() > 50, "the heart beats"


def test_htj2k_is_handed_through_as_it_is_stored_and_shown(viewer: Viewer) -> None:
    with viewer.page.expect_response(lambda response: "/frames/" in response.url) as answered:
        viewer.open_study("HTJ2K")
    viewer.shot("ohif-htj2k")
    stored = httpx.get(instance_url(viewer.server, "HTJ2K"), headers={"accept": "application/dicom"}).content
    (codestream,) = generate_frames(pydicom.dcmread(BytesIO(stored)).PixelData, number_of_frames=1)
    assert f"transfer-syntax={HTJ2K_LOSSLESS}".encode() in answered.value.body()
    assert codestream.rstrip(b"\0") in answered.value.body()
    assert viewer.difference(instance_url(viewer.server, "PLAIN")) < 3


def test_a_document_is_shown(viewer: Viewer) -> None:
    viewer.page.goto(f"{viewer.root}/ohif/viewer?StudyInstanceUIDs={viewer.study_uid('PDF')}")
    pixels = viewer.when(lambda pixels: is_red(pixels).sum() > 5000)
    viewer.shot("ohif-pdf")
    left, top, right, bottom = extent(is_red(pixels[:, pixels.shape[1] // 2 :]))
    assert abs((right - left) / (bottom - top) - 200 / 60) < 0.1, "the box of the document's only page"


def is_red(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (pixels == (255, 0, 0)).all(axis=2)
    return found


def test_mammograms_hang_with_their_chest_walls_together(viewer: Viewer) -> None:
    viewer.open_study("MG", hanging="@ohif/hpMammo", viewports=3)  # it does not find R MLO by PS3.3's orientation
    viewer.shot("ohif-mammography")
    right_breast, left_breast = viewer.picture(0), viewer.picture(1)
    assert viewer.overlay("top-left", 0).endswith("R CC")
    assert viewer.overlay("top-left", 1).endswith("L CC")
    assert right_breast[:, -5:].max() > 60 > right_breast[:, :5].max()
    assert left_breast[:, :5].max() > 60 > left_breast[:, -5:].max()
    thumbnails = viewer.page.locator('[data-cy="study-browser-thumbnail"] img')
    for number in range(4):
        expect(thumbnails.nth(number)).to_have_js_property("complete", value=True)
    kept = [request.url for request in viewer.requests if "/thumbnail" in request.url]
    assert len(kept) == 4, "thumbnails are those that we keep: no series is read for one"
