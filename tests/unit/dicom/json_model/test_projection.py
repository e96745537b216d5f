from typing import Any

from sagittal.dicom.json_model import merge, project

NAME: Any = {"vr": "PN", "Value": [{"Alphabetic": "A"}]}  # JSON
NUMBER: Any = {"vr": "SH", "Value": ["1"]}
DATASET: Any = {
    "00080050": NUMBER,
    "00100010": NAME,
    "00400275": {"vr": "SQ", "Value": [{"00080050": NUMBER, "00400009": NUMBER}, {"00400009": NUMBER}]},
    "00400555": {"vr": "SQ"},
}


def test_only_what_is_named_is_there_in_order_of_tag() -> None:
    assert list(project(DATASET, [(0x00100010,), (0x00080050,), (0x00100020,), (0x00080050,)])) == [
        "00080050",
        "00100010",
    ]


def test_a_path_into_a_sequence_takes_that_of_each_item() -> None:
    found = project(DATASET, [(0x00400275, 0x00080050)])
    assert found == {"00400275": {"vr": "SQ", "Value": [{"00080050": NUMBER}, {}]}}


def test_a_path_that_ends_at_a_sequence_takes_all_of_it() -> None:
    assert project(DATASET, [(0x00400275,), (0x00400275, 0x00080050)]) == {"00400275": DATASET["00400275"]}


def test_what_is_not_there_comes_empty_if_asked() -> None:
    paths = [(0x00100020,), (0x00400275, 0x00080050), (0x00081110, 0x00081155), (0x00400555, 0x00080050), (0x00091001,)]
    assert project(DATASET, paths, fill=True) == {
        "00081110": {"vr": "SQ"},
        "00091001": {"vr": "UN"},
        "00100020": {"vr": "LO"},
        "00400275": {"vr": "SQ", "Value": [{"00080050": NUMBER}, {"00080050": {"vr": "SH"}}]},
        "00400555": {"vr": "SQ"},
    }


def test_a_path_into_what_is_no_sequence_takes_it_as_it_is() -> None:
    assert project(DATASET, [(0x00100010, 0x00080050)]) == {"00100010": NAME}


def test_of_merged_data_sets_the_last_counts() -> None:
    first: Any = {"00100010": NAME, "00100020": {"vr": "LO"}}
    last: Any = {"00080050": NUMBER, "00100020": {"vr": "LO", "Value": ["1"]}}
    merged = merge(first, last)
    assert list(merged) == ["00080050", "00100010", "00100020"]
    assert merged["00100020"] == {"vr": "LO", "Value": ["1"]}
    assert first["00100020"] == {"vr": "LO"}
