"""What a presentation state refers to."""

from typing import Any

import pytest
from pydicom.dataset import Dataset

from sagittal.errors import Exhausted, Unsupported
from sagittal.imaging.render.presentation import references
from sagittal.imaging.render.presentation.references import Mask, applies, check_supported, mask_of, shown_images
from support.presentation_states import BLENDING, COLOUR, GRAYSCALE, PSEUDO_COLOUR, reference, state


def image(uid: str) -> Dataset:
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", uid
    made.StudyInstanceUID, made.SeriesInstanceUID = "9.8", "9.8.0"
    made.Rows = made.Columns = 4
    return made


def subtracting(**more: object) -> Any:  # Any: pydicom's JSON
    item = Dataset()
    for keyword, value in more.items():
        setattr(item, keyword, value)
    said = Dataset()
    said.MaskSubtractionSequence = [item]
    return said.to_json_dict()


def test_images_are_those_of_the_series_in_their_order_each_once() -> None:
    said = state([image("1.2"), image("1.1"), image("1.2")])
    found = shown_images(said.to_json_dict())
    assert [(one.series_instance_uid, one.sop_instance_uid) for one in found] == [("9.8.0", "1.2"), ("9.8.0", "1.1")]


def test_frames_that_are_named_are_kept_each_once() -> None:
    assert shown_images(state([image("1.2")], frames=[3, 1, 3]).to_json_dict())[0].frames == (3, 1)


def test_a_state_of_endless_images_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references, "MAX_SHOWN", 2)
    with pytest.raises(Exhausted, match="more than 2"):
        shown_images(state([image(f"1.{n}") for n in range(3)]).to_json_dict())


def test_an_item_is_about_all_images_or_about_those_that_it_names() -> None:
    item = Dataset()
    assert applies(item.to_json_dict(), "1.2", 1)
    item.ReferencedImageSequence = [reference(image("1.2")), reference(image("1.3"), [2])]
    json = item.to_json_dict()
    assert [applies(json, uid, frame) for uid, frame in (("1.2", 9), ("1.3", 2), ("1.3", 1), ("1.4", 1))] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("sop_class", [GRAYSCALE, COLOUR, PSEUDO_COLOUR])
def test_states_of_one_image_are_shown(sop_class: str) -> None:
    check_supported(sop_class)


def test_states_that_blend_are_not() -> None:
    with pytest.raises(Unsupported, match=BLENDING):
        check_supported(BLENDING)


def test_an_average_of_frames_is_subtracted_in_its_range_only() -> None:
    said = subtracting(MaskOperation="AVG_SUB", MaskFrameNumbers=[1, 2], ApplicableFrameRange=[3, 5, 8, 8])
    assert mask_of(said, 4) == mask_of(said, 8) == Mask((1, 2), (0.0, 0.0))
    assert mask_of(said, 2) is mask_of(said, 7) is None


@pytest.mark.parametrize(
    ("operation", "offset", "frame", "expected"),
    [("TID", 2, 5, (3,)), ("TID", None, 5, (4,)), ("TID", 2, 2, None), ("REV_TID", 2, 5, (7,)), ("NONE", 1, 5, None)],
)
def test_a_time_interval_difference_takes_the_frame_so_far_away(
    operation: str, offset: int | None, frame: int, expected: Any
) -> None:
    more = {} if offset is None else {"TIDOffset": offset}
    mask = mask_of(subtracting(MaskOperation=operation, **more), frame)
    assert (None if mask is None else mask.frames) == expected
