"""An instance reads the same whatever came before it."""

from hypothesis import given
from hypothesis import strategies as st

from sagittal.archive.index.attributes import INSTANCE_TAGS
from sagittal.archive.index.renderings import Renderer
from sagittal.archive.index.wording import Wording
from sagittal.dicom.dataset import Header, PixelData, RawElement
from sagittal.dicom.transfer_syntax import encoding_of

EXPLICIT = "1.2.840.10008.1.2.1"

elements = st.one_of(
    st.builds(
        RawElement, st.sampled_from(("LO", "IS", "US", "UI", "CS")), st.sampled_from((b"", b"1 ", b"12", b"3\\4 "))
    ),
    st.just(RawElement("LT", b"x" * 3000)),
)
headers = st.dictionaries(st.sampled_from(INSTANCE_TAGS), elements, max_size=12)


def header(values: dict[int, RawElement]) -> Header:
    return Header(
        transfer_syntax_uid=EXPLICIT,
        encoding=encoding_of(EXPLICIT),
        elements=values,
        pixel_data=PixelData(0x7FE00010, "OW", 0, 0),
        length=0,
    )


def read(wording: Wording) -> tuple[object, ...]:
    return dict(wording.texts), wording.attributes, wording.frames, wording.frame_bits


@given(st.lists(headers, min_size=1, max_size=4))
def test_what_came_before_leaves_nothing_behind(series: list[dict[int, RawElement]]) -> None:
    renderer = Renderer(encoding_of(EXPLICIT), b"")
    wording, alone = Wording(renderer), Wording(renderer)
    for values in series:
        wording.follow(header(values))
    alone.follow(header(series[-1]))
    assert read(wording) == read(alone)


def test_a_long_value_does_not_stay_when_the_next_instance_has_none() -> None:
    wording = Wording(Renderer(encoding_of(EXPLICIT), b""))
    wording.follow(header({0x00204000: RawElement("LT", b"x" * 3000)}))
    assert len(wording.attributes) > 3000
    wording.follow(header({}))
    assert wording.attributes == "{}"
