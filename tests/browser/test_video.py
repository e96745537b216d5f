"""A browser plays and seeks video that was stored as MP4."""

import json
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser

from sagittal.dicom.web.multipart import MultipartWriter
from support.video import video
from support.web import serving

PLAYS = """async (url) => {
    const player = document.createElement("video");
    player.muted = true;
    player.src = url;
    document.body.append(player);
    await new Promise((done, failed) => {
        player.onloadeddata = done;
        player.onerror = () => failed(player.error.message);
    });
    player.currentTime = 0.12;
    await new Promise((done) => { player.onseeked = done; });
    return [player.videoWidth, player.videoHeight, player.duration, player.currentTime];
}"""


@pytest.mark.peer("chromium")
def test_chromium_plays_and_seeks_a_video_of_ours(browser: Browser, tmp_path: Path) -> None:
    uids = {"00080016": "1.2.840.10008.5.1.4.1.1.77.1.1.1", "00080018": "1.2.1", "0020000D": "1", "0020000E": "1.2"}
    dataset: dict[str, object] = {tag: {"vr": "UI", "Value": [uid]} for tag, uid in uids.items()}
    dataset["7FE00010"] = {"vr": "OB", "BulkDataURI": "video"}
    writer = MultipartWriter("b")
    body = writer.begin_part({"Content-Type": "application/dicom+json"}) + json.dumps([dataset]).encode()
    body += writer.begin_part({"Content-Type": "video/mp4", "Content-Location": "video"})
    body += video("h264_high.mp4") + writer.end()
    headers = {"content-type": 'multipart/related; type="application/dicom+json"; boundary=b'}
    with serving(tmp_path / "data") as server:
        assert httpx.post(f"{server.dicom_web}/studies", content=body, headers=headers).status_code == 200
        page = browser.new_page()
        page.goto(f"{server.url}/health")  # the video is of the page's own origin
        played = page.evaluate(PLAYS, f"{server.dicom_web}/studies/1/series/1.2/instances/1.2.1/rendered")
        page.close()
    assert played == [64, 48, pytest.approx(0.2), pytest.approx(0.12)]
