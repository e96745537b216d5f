"""The light viewer's page and files, without a server."""

import re
from pathlib import Path

import msgspec
import pytest

from sagittal.web.light_viewer import shortened, text_of
from sagittal.web.viewer_files import viewer_files
from sagittal.web.viewer_page import Opened, SeriesShown, StudyShown, viewer_page

HOSTILE = '</script><img src=x onerror=alert(1)>"\u202egnp\x07' + "A" * 4096


def opened(name: str) -> Opened:
    study = StudyShown(uid="1.2", description=name)
    return Opened(study=study, patient={"name": name}, series=[SeriesShown(uid="1.2.3", description=name)])


def test_names_cannot_become_markup() -> None:
    page = viewer_page(opened(HOSTILE), viewer_files(), "/picture?a=1&b=2")
    assert "<img src=x" not in page
    assert page.count("</script>") == 2
    assert 'src="/picture?a=1&amp;b=2"' in page
    data = re.search(r'id="opened">(.*)</script>', page)
    assert data is not None
    assert msgspec.json.decode(data[1], type=Opened).patient["name"] == HOSTILE


def test_a_page_brings_what_its_scripts_say_in_the_language_that_is_spoken(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Ellipse" in viewer_files().texts
    assert 'id="texts"' not in viewer_page(opened("N"), viewer_files(), "")
    monkeypatch.setattr("sagittal.web.viewer_page.translated", lambda text: {"Series": "S\u00e9ries"}.get(text, text))
    assert '<script type="application/json" id="texts">{"Series":"Séries"}</script>' in viewer_page(
        opened("N"), viewer_files(), ""
    )


def test_each_file_is_at_an_address_of_all_contents(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("one")
    before = viewer_files(tmp_path)
    (tmp_path / "b.css").write_text("two")
    (tmp_path / "notes.txt").write_text("not served")
    after = viewer_files(tmp_path)
    assert before.version != after.version
    assert sorted(after.files) == ["a.js", "b.css"]


def test_what_instances_have_in_common_is_said_once() -> None:
    found = shortened([{"a": 1, "b": [2]}, {"a": 1, "b": [3]}, {"a": 1}])
    assert found.common == {"a": 1}
    assert found.instances == [{"b": [2]}, {"b": [3]}, {}]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ({"Alphabetic": "Doe^Jane^Q"}, "Doe, Jane Q"),
        ({"Ideographic": "山田^太郎"}, "山田, 太郎"),
        ({"Alphabetic": "^^"}, ""),
        ("text", "text"),
    ],
)
def test_person_names_are_shown_by_their_components(name: object, expected: str) -> None:
    assert text_of({"00100010": {"Value": [name]}}, "00100010") == expected
