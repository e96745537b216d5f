"""Instances of metadata and bulk data, without a socket: pydicom reads what is made."""

import asyncio
from io import BytesIO
from typing import Any, NamedTuple

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagittal.dicom.json_model import JsonDataset
from sagittal.errors import Conflict, Invalid, Refused, SagittalError, Unsupported
from sagittal.ingest import NotAnInstance
from sagittal.ingest.composed import Stretch, compose


class Held(NamedTuple):
    """Bulk data in memory."""

    parts: tuple[bytes, ...]
    essence: str = "application/octet-stream"
    transfer_syntax_uid: str = ""
    pretended: int = 0

    @property
    def lengths(self) -> tuple[int, ...]:
        return (self.pretended,) if self.pretended else tuple(map(len, self.parts))

    async def read(self, part: int, start: int, stop: int) -> bytes:
        return self.parts[part][start:stop]


def named(**more: Any) -> JsonDataset:
    dataset: JsonDataset = {
        "00080016": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.7"]},
        "00080018": {"vr": "UI", "Value": ["1.2.3.4"]},
        "0020000D": {"vr": "UI", "Value": ["1.2.3"]},
    }
    return dataset | more


async def made(dataset: JsonDataset, **bulk: Held) -> bytes:
    pieces = await compose(dataset, bulk.get)
    whole = [
        await piece.bulk.read(piece.part, 0, piece.bulk.lengths[piece.part]) if isinstance(piece, Stretch) else piece
        for piece in pieces
    ]
    return b"".join(whole)


async def test_bulk_values_stand_at_their_place_between_the_others() -> None:
    dataset = named(
        **{
            "00420011": {"vr": "OB", "BulkDataURI": "a"},
            "54000100": {"vr": "SQ", "Value": [{"54001010": {"vr": "OW", "BulkDataURI": "b"}}]},
            "FFFCFFFC": {"vr": "OB", "InlineBinary": "AAA="},
            "00091001": {"vr": "UN", "BulkDataURI": "c"},
        }
    )
    file = pydicom.dcmread(BytesIO(await made(dataset, a=Held((b"odd",)), b=Held((b"wave",)), c=Held((b"private!",)))))
    assert file.EncapsulatedDocument == b"odd\0"
    assert file.EncapsulatedDocumentLength == 3
    assert file.WaveformSequence[0].WaveformData == b"wave"
    assert file[0x00091001].value == b"private!"
    assert file.DataSetTrailingPadding == b"\0\0"
    assert [element.tag for element in file] == sorted(element.tag for element in file)
    assert file.SpecificCharacterSet == "ISO_IR 192"


@pytest.mark.parametrize(
    ("dataset", "bulk", "kind"),
    [
        ({"00100020": {"vr": "LO", "Value": ["x"]}}, {}, NotAnInstance),
        (named(**{"7FE00010": {"vr": "OB", "BulkDataURI": "absent"}}), {}, Invalid),
        (named(**{"7FE00010": {"vr": "OB", "BulkDataURI": 5}}), {}, Invalid),
        (named(zz={"vr": "OB", "BulkDataURI": "a"}), {"a": Held((b"x",))}, Invalid),
        (named(**{"54000100": {"vr": "SQ", "Value": [{"54001010": {"vr": "OW", "BulkDataURI": "no"}}]}}), {}, Invalid),
        (named(**{"00100020": {"vr": "LO", "BulkDataURI": "a"}}), {"a": Held((b"x",))}, Unsupported),
        (named(**{"7FE00010": {"vr": "OB", "BulkDataURI": "a"}}), {"a": Held((b"x",))}, Invalid),
        (named(**{"7FE00010": {"vr": "OB", "BulkDataURI": "a"}}), {"a": Held((b"",), pretended=2**32)}, Refused),
        (
            named(**{"00420011": {"vr": "OB", "BulkDataURI": "a"}, "00420012": {"vr": "LO", "Value": ["text/xml"]}}),
            {"a": Held((b"%PDF",), "application/pdf")},
            Conflict,
        ),
    ],
)
async def test_what_cannot_be_made_is_refused(
    dataset: JsonDataset, bulk: dict[str, Held], kind: type[SagittalError]
) -> None:
    with pytest.raises(kind):
        await made(dataset, **bulk)


_TAGS = st.sampled_from(["7FE00010", "00420011", "00080018", "00080016", "00280010", "54000100", "zz"])
_JUNK = st.recursive(
    st.none() | st.integers() | st.text(max_size=4) | st.sampled_from(["SQ", "OB", "UI", "US", "a"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["vr", "Value", "BulkDataURI", "InlineBinary", "54001010"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@given(st.dictionaries(_TAGS, _JUNK, max_size=4))
def test_any_metadata_is_made_or_refused(more: dict[str, Any]) -> None:
    try:
        asyncio.run(made(named() | more, a=Held((b"x",))))
    except SagittalError:
        pass
