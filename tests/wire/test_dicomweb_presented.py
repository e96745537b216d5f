"""Presentation states against a running door: pictures of what they show."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import httpx
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from support.instances import instance
from support.presentation_states import (
    BLENDING,
    PSEUDO_COLOUR,
    annotation,
    displayed_area,
    graphic,
    layer,
    state,
    window,
)
from support.web import WebServer, parts_of, serving, stow

STUDY, SERIES, STATES = "9.2", "9.2.1", "9.2.2"
ROWS, COLUMNS = 20, 30


def image(uid: str, number: int, frames: int = 1) -> bytes:
    """Frames of one grey each: 10, 70, 130."""
    pixels = b"".join(bytes([60 * n + 10]) * (ROWS * COLUMNS) for n in range(frames))
    return instance(study=STUDY, series=SERIES, uid=uid, number=number, pixels=pixels, rows=ROWS, columns=COLUMNS)


FILES = [image("9.2.1.1", 1), image("9.2.1.2", 2), image("9.2.1.3", 3, frames=3)]
IMAGES = [pydicom.dcmread(BytesIO(file)) for file in FILES]


def file_bytes(dataset: Dataset) -> bytes:
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def made(uid: str, images: list[Dataset], series: str = STATES, **more: Any) -> bytes:
    said = Dataset()
    for keyword in [name for name in more if name[0].isupper()]:
        setattr(said, keyword, more.pop(keyword))
    syntax = more.pop("syntax", ExplicitVRLittleEndian)
    dataset = state(images, uid=uid, series=series, more=said, **more)
    dataset.file_meta.TransferSyntaxUID = syntax
    return file_bytes(dataset)


ABSENT = pydicom.dcmread(BytesIO(image("9.2.1.9", 9)))
STATES_OF_TEST = {
    "turned": made("9.2.2.1", IMAGES[:1], ImageRotation=90, ImageHorizontalFlip="N"),
    "both": made("9.2.2.2", IMAGES[:2]),
    "frames": made("9.2.2.3", IMAGES[2:], frames=[1, 3]),
    "cine": made("9.2.2.4", IMAGES[2:]),
    "one here": made("9.2.2.5", [IMAGES[0], ABSENT]),
    "none here": made("9.2.2.6", [ABSENT]),
    "marked": made(
        "9.2.2.7",
        IMAGES[:1],
        GraphicLayerSequence=[layer("L", GraphicLayerRecommendedDisplayCIELabValue=[34849, 53472, 50040])],
        GraphicAnnotationSequence=[annotation("L", [graphic("POLYLINE", [0, 10.5, 30, 10.5])])],
        area=displayed_area((1, 1), (10, 20)),
    ),
    "hot": made("9.2.2.8", IMAGES[:1], sop_class=PSEUDO_COLOUR, PaletteColorLookupTableUID="1.2.840.10008.1.5.1"),
    "subtracted": made(
        "9.2.2.9",
        IMAGES[2:],
        MaskSubtractionSequence=[Dataset()],
        SoftcopyVOILUTSequence=[window(0, 255, "LINEAR_EXACT")],
    ),
    "deflated": made("9.2.2.10", IMAGES[:1], syntax=DeflatedExplicitVRLittleEndian, ImageRotation=90),
    "blending": made("9.2.3.1", IMAGES[:1], series="9.2.3", sop_class=BLENDING),
}


def path(uid: str, series: str = STATES) -> str:
    return f"/studies/{STUDY}/series/{series}/instances/{uid}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    subtracted = pydicom.dcmread(BytesIO(STATES_OF_TEST["subtracted"]))
    subtracted.MaskSubtractionSequence[0].MaskOperation = "AVG_SUB"
    subtracted.MaskSubtractionSequence[0].MaskFrameNumbers = [1]
    subtracted.MaskSubtractionSequence[0].ApplicableFrameRange = [2, 3]
    files = [*FILES, *(STATES_OF_TEST | {"subtracted": file_bytes(subtracted)}).values()]
    with serving(tmp_path_factory.mktemp("presented") / "data") as running:
        assert stow(running, files).status_code == 200
        yield running


def get(server: WebServer, resource: str, accept: str = "image/png", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.get(server.dicom_web + resource, headers={"accept": accept, **named}, timeout=30)


def pixels(response: httpx.Response) -> Any:
    assert response.status_code == 200, response.text
    return np.asarray(Image.open(BytesIO(response.content)))


def test_a_state_gives_the_picture_of_its_image_as_it_has_it(server: WebServer) -> None:
    shown = pixels(get(server, f"{path('9.2.2.1')}/rendered"))
    assert shown.shape == (COLUMNS, ROWS)
    assert set(np.unique(shown)) == {10}


def test_a_deflated_state_is_read_too(server: WebServer) -> None:
    assert pixels(get(server, f"{path('9.2.2.10')}/rendered")).shape == (COLUMNS, ROWS)


def test_a_state_of_several_images_gives_a_part_for_each(server: WebServer) -> None:
    assert len(parts_of(get(server, f"{path('9.2.2.2')}/rendered"))) == 2


def test_frames_that_are_named_are_shown_each_or_one_after_the_other(server: WebServer) -> None:
    parts = parts_of(get(server, f"{path('9.2.2.3')}/rendered"))
    assert [int(np.asarray(Image.open(BytesIO(data)))[0, 0]) for _, data in parts] == [10, 130]
    moving: Any = Image.open(BytesIO(get(server, f"{path('9.2.2.3')}/rendered", "image/gif").content))  # Any: GIF's
    assert moving.n_frames == 2


def test_a_multiframe_image_moves_or_shows_its_middle(server: WebServer) -> None:
    moving: Any = Image.open(BytesIO(get(server, f"{path('9.2.2.4')}/rendered", "image/webp").content))  # Any: WebP's
    assert moving.n_frames == 3
    assert set(np.unique(pixels(get(server, f"{path('9.2.2.4')}/rendered")))) == {70}


def test_what_is_not_kept_is_told_of(server: WebServer) -> None:
    answer = get(server, f"{path('9.2.2.5')}/rendered")
    assert answer.status_code == 200
    assert "1 of the images" in answer.headers["warning"]
    absent = get(server, f"{path('9.2.2.6')}/rendered")
    assert (absent.status_code, absent.headers["content-type"]) == (404, "application/problem+json")
    assert "9.2.2.6" in absent.json()["detail"]


def test_graphics_are_drawn_in_the_colour_of_their_layer_within_the_displayed_area(server: WebServer) -> None:
    shown = pixels(get(server, f"{path('9.2.2.7')}/rendered"))
    assert shown.shape == (20, 10, 3)
    assert shown[10, 5].tolist() == [250, 0, 8]
    assert shown[5, 5].tolist() == [10, 10, 10]


def test_a_viewport_scales_what_the_state_shows(server: WebServer) -> None:
    assert pixels(get(server, f"{path('9.2.2.7')}/rendered?viewport=100,100")).shape == (100, 50, 3)
    assert pixels(get(server, f"{path('9.2.2.7')}/rendered?viewport=100,100,0,0,5,5")).shape == (100, 100, 3)


def test_pseudo_colour_is_colour(server: WebServer) -> None:
    shown = pixels(get(server, f"{path('9.2.2.8')}/rendered?iccprofile=yes"))
    assert shown[0, 0].tolist() == [20, 0, 0]


def test_a_mask_is_subtracted(server: WebServer) -> None:
    assert set(np.unique(pixels(get(server, f"{path('9.2.2.9')}/rendered")))) == {188}  # 70 - 10 = 60 above the middle


def test_a_thumbnail_shows_the_state_too(server: WebServer) -> None:
    assert Image.open(BytesIO(get(server, f"{path('9.2.2.1')}/thumbnail").content)).size == (20, 30)


def test_a_kind_of_state_that_is_not_shown_says_so(server: WebServer) -> None:
    answer = get(server, f"{path('9.2.3.1', '9.2.3')}/rendered")
    assert answer.status_code == 406
    assert BLENDING in answer.json()["detail"]


def test_states_do_not_show_the_images_of_a_study_twice(server: WebServer) -> None:
    assert len(parts_of(get(server, f"/studies/{STUDY}/rendered"))) == 3


def test_a_picture_of_a_state_has_a_tag_of_both(server: WebServer) -> None:
    first = get(server, f"{path('9.2.2.1')}/rendered")
    assert get(server, f"{path('9.2.2.1')}/rendered", if_none_match=first.headers["etag"]).status_code == 304
    plain = get(server, f"{path('9.2.1.1', SERIES)}/rendered")
    assert plain.headers["etag"] != first.headers["etag"]


def wado(server: WebServer, uid: str, **more: str) -> httpx.Response:
    query = {"requestType": "WADO", "studyUID": STUDY, "seriesUID": SERIES, "objectUID": uid}
    query |= {"contentType": "image/png", "presentationSeriesUID": STATES} | more
    return httpx.get(f"{server.url}/wado", params=query, timeout=30)


def test_wado_uri_shows_an_image_by_a_state(server: WebServer) -> None:
    assert pixels(wado(server, "9.2.1.1", presentationUID="9.2.2.1")).shape == (COLUMNS, ROWS)
    part = wado(server, "9.2.1.1", presentationUID="9.2.2.1", region="0,0,0.5,1", rows="60")
    assert pixels(part).shape == (60, 20)
    frame = wado(server, "9.2.1.3", presentationUID="9.2.2.3", frameNumber="3")
    assert set(np.unique(pixels(frame))) == {130}


@pytest.mark.parametrize(
    ("uid", "more", "status"),
    [
        ("9.2.1.2", {"presentationUID": "9.2.2.1"}, 400),
        ("9.2.1.3", {"presentationUID": "9.2.2.3", "frameNumber": "2"}, 400),
        ("9.2.1.3", {"presentationUID": "9.2.2.3", "frameNumber": "x"}, 400),
        ("9.2.1.1", {"presentationUID": "9.2.2.1", "windowCenter": "1", "windowWidth": "2"}, 400),
        ("9.2.1.1", {"presentationUID": "9.9"}, 404),
        ("9.2.1.1", {"presentationUID": "9.2.1.1", "presentationSeriesUID": SERIES}, 406),
    ],
)
def test_wado_uri_says_what_does_not_go_with_a_state(
    server: WebServer, uid: str, more: dict[str, str], status: int
) -> None:
    assert wado(server, uid, **more).status_code == status
