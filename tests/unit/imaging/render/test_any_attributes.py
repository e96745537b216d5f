"""Whatever the attributes say, a picture comes or one of our errors."""

import base64
import warnings
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagittal.dicom.json_model import JsonDataset
from sagittal.errors import SagittalError
from sagittal.imaging.render.cine import frame_times
from sagittal.imaging.render.pipeline import pixel_aspect, render_frame

TAGS = [
    *("00080060", "00280004", "00280030", "00280034", "00280100", "00280101", "00280103", "00280120", "00280121"),
    *(
        "00281050",
        "00281051",
        "00281052",
        "00281053",
        "00281054",
        "00281056",
        "20500020",
        "00282000",
        "00283002",
        "00283006",
    ),
    *("00281101", "00281102", "00281103", "00281201", "00281202", "00281203", "00281221", "00281222", "00281223"),
    *("00181600", "00181602", "00181604", "00181606", "00181608", "00181610", "00181612", "00181620", "00181622"),
    *("60000010", "60000011", "60000015", "60000040", "60000050", "60000051", "60000102", "60003000"),
    *("00181063", "00181065", "00180040", "00082144"),
]
SEQUENCES = ["00283000", "00283010", "20500010", "52009229", "52009230", "00289132", "00289145", "00480105"]
WORDS = [
    "MONOCHROME1",
    "PALETTE COLOR",
    "RGB",
    "CT",
    "SIGMOID",
    "LINEAR_EXACT",
    "CIRCULAR",
    "POLYGONAL",
    "RECTANGULAR",
    "HU",
]
values = st.one_of(
    st.sampled_from([0, 1, 2, 3, 8, 16, 255, 256, -1, 65535, 40, 1e300, -1e300, 5e-324, None, "", "x", "1e9", "nan"]),
    st.floats(),
    st.sampled_from(WORDS),
)


def element(draw_values: list[Any]) -> dict[str, Any]:
    return {"vr": "UN", "Value": draw_values}


elements = st.one_of(
    st.lists(values, max_size=6).map(element),
    st.binary(max_size=40).map(lambda data: {"vr": "OW", "InlineBinary": base64.b64encode(data).decode()}),
    st.sampled_from([{"vr": "UN"}, {"vr": "OB", "BulkDataURI": "x"}, {"vr": "OB", "InlineBinary": "%"}]),
)
flat = st.dictionaries(st.sampled_from(TAGS), elements, max_size=12)
nested = st.dictionaries(
    st.sampled_from(SEQUENCES), st.lists(flat, max_size=2).map(lambda items: {"vr": "SQ", "Value": items}), max_size=3
)
deeper = st.dictionaries(
    st.sampled_from(SEQUENCES),
    st.lists(st.builds(lambda a, b: a | b, flat, nested), max_size=2).map(lambda items: {"vr": "SQ", "Value": items}),
    max_size=3,
)
datasets = st.builds(lambda a, b: a | b, flat, deeper)
frames = st.sampled_from(
    [
        np.arange(24, dtype=np.uint8).reshape(4, 6),
        np.arange(-12, 12, dtype=np.int16).reshape(4, 6),
        np.linspace(0, 2**32 - 1, 24).astype(np.uint32).reshape(4, 6),
        np.full((4, 6), np.nan, np.float32),
        np.arange(72, dtype=np.uint8).reshape(4, 6, 3),
        np.arange(72, dtype=np.uint16).reshape(4, 6, 3),
    ]
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(datasets, frames, st.integers(0, 3))
def test_any_attributes_give_a_picture_of_the_frame_or_one_of_our_errors(
    dataset: JsonDataset, frame: np.ndarray[Any, Any], index: int
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            shown = render_frame(frame, dataset, index=index, words=frame if frame.ndim == 2 else None)
        except SagittalError:
            return
    assert shown.dtype == np.uint8
    assert shown.shape[:2] == (4, 6)
    assert 1 / 32 <= pixel_aspect(dataset) <= 32
    assert all(0 < time <= 10_000 for time in frame_times(dataset, 3))
