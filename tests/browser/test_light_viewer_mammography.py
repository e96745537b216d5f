"""Mammograms in the light viewer: hung as they are read, and above those of before."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, expect
from pydicom.dataset import Dataset

from support import phantom
from support.screen import Screen
from support.server import Server, running
from support.viewer import stow

pytestmark = [pytest.mark.xdist_group("light-viewer-drawn"), pytest.mark.timeout(180)]

STUDY = phantom.study("MAMMO", "Breast^Bea", "Screening", "20260301")
PRIOR = phantom.study("MAMMO", "Breast^Bea", "Screening two years ago", "20240301")


def mirrored(one: Dataset) -> Dataset:
    """The same breast, from a device that has the chest wall at the other side."""
    phantom.grey(one, one.pixel_array[:, ::-1])
    one.PatientOrientation = ["A" if one.ImageLaterality == "R" else "P", one.PatientOrientation[1]]
    return one


def coarse(one: Dataset) -> Dataset:
    """The same breast, from a detector of twice as large pixels, that names its view by code only."""
    phantom.grey(one, one.pixel_array[::2, ::2])
    one.ImagerPixelSpacing = [1.0, 1.0]
    del one.ViewPosition
    return one


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    right_cc, left_cc, right_mlo, left_mlo = phantom.mammograms(STUDY)
    with running(tmp_path_factory.mktemp("mammo") / "data") as started:
        stow(started, mirrored(right_cc), left_cc, right_mlo, coarse(left_mlo), *phantom.mammograms(PRIOR))
        yield started


@pytest.fixture
def screen(browser: Browser, server: Server) -> Iterator[Screen]:
    made = Screen(browser, server, 1200, 900)
    made.open(STUDY.StudyInstanceUID, tier="")
    made.page.wait_for_function(
        "() => [...document.querySelectorAll('.pane')].filter(pane => pane.dataset.key).length === 4"
    )
    yield made
    made.close()


def shapes(screen: Screen) -> list[NDArray[np.bool_]]:
    """Where the breast is in each pane, away from the texts at its corners."""
    found = []
    for number in range(4):
        bright = screen.pixels(number).min(axis=2) > 68
        middle = bright.shape[0] // 2
        bright[:80] = bright[-70:] = bright[middle - 20 : middle + 20] = False  # letters and texts
        found.append(bright)
    return found


def views(screen: Screen) -> list[str]:
    corners = screen.page.locator(".pane .bl").all_inner_texts()
    return [text.splitlines()[0] for text in corners]


def settled(screen: Screen, *expected: str) -> None:
    for number, view in enumerate(expected):
        expect(screen.page.locator(f".pane >> nth={number}").locator(".bl")).to_contain_text(view)


def test_chest_walls_are_back_to_back_at_one_scale_whatever_the_device_wrote(screen: Screen) -> None:
    settled(screen, "R CC", "L CC", "R MLO", "L MLO")
    right_cc, left_cc, right_mlo, left_mlo = shapes(screen)
    screen.shot("mammography")
    assert views(screen) == ["R CC", "L CC", "R MLO", "L MLO"]
    for right in (right_cc, right_mlo):
        assert right[:, -4].sum() > 100, "the right breast ends at the right edge of its pane"
        assert not right[:, :20].any()
    for left in (left_cc, left_mlo):
        assert left[:, 4].sum() > 100
        assert not left[:, -20:].any()
    wide = [int(one.any(axis=0).sum()) for one in (right_cc, left_cc, right_mlo, left_mlo)]
    assert max(wide) - min(wide) <= 5, "a pixel of twice the size is shown twice as large"
    edges = [pane.locator(".edge.left").inner_text() for pane in screen.page.locator(".pane").all()]
    assert edges == ["A", "P", "A", "P"]
    assert screen.hurdles() == []


def test_a_prior_is_below_view_by_view(screen: Screen) -> None:
    screen.page.keyboard.press("c")
    settled(screen, "R CC", "L CC", "R CC", "L CC")
    expect(screen.page.locator(".pane >> nth=2").locator(".tr")).to_contain_text("two years ago")
    expect(screen.page.locator(".pane >> nth=2").locator(".tr")).to_contain_text("prior")
    screen.shot("mammography-prior")
    current, _, before, _ = shapes(screen)
    assert before[:, -4].sum() > 100
    assert abs(int(current.any(axis=0).sum()) - int(before.any(axis=0).sum())) <= 5
    screen.page.keyboard.press("ArrowRight")
    settled(screen, "R MLO", "L MLO", "R MLO", "L MLO")
    screen.page.keyboard.press("ArrowRight")
    settled(screen, "R CC", "L CC", "R MLO", "L MLO")


def test_what_is_hung_follows_the_window_and_returns_when_it_is_reset(screen: Screen) -> None:
    settled(screen, "R CC", "L CC", "R MLO", "L MLO")
    screen.page.set_viewport_size({"width": 900, "height": 700})
    at_wall = "() => { const pane = window.sagittalViewer.panes[0]; return Math.abs(pane.toScreen([pane.item.columns, 0])[0] - pane.size[0]) < 2 || Math.abs(pane.toScreen([0, 0])[0] - pane.size[0]) < 2; }"
    screen.page.wait_for_function(at_wall)
    screen.page.keyboard.press("+")
    assert not screen.page.evaluate(at_wall)
    screen.page.keyboard.press("0")
    screen.page.wait_for_function(at_wall)
