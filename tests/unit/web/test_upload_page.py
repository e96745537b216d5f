"""The page of uploads and its service worker, as they are served."""

import re

from litestar import Litestar
from litestar.testing import TestClient

from sagittal.web.upload_page import upload_pages


def test_the_worker_names_files_that_are_there_and_keeps_to_its_scope() -> None:
    with TestClient(Litestar([upload_pages()], openapi_config=None)) as client:
        answer = client.get("/upload/worker.js")
        assert answer.headers["service-worker-allowed"] == "/upload"
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert "VERSION" not in answer.text
        assert "KEPT" not in answer.text
        files = set(re.findall(r"/upload/files/[\w./]+", answer.text))
        assert len(files) >= 4
        for file in files:
            served = client.get(file)
            assert (served.status_code, "immutable" in served.headers["cache-control"]) == (200, True)
        assert client.get("/upload/files/0/page.js").status_code == 404


def test_the_shell_that_browsers_keep_names_nobody() -> None:
    with TestClient(Litestar([upload_pages()], openapi_config=None)) as client:
        text = client.get("/upload/shell").text
        assert 'data-owner=""' in text
        assert 'class="who"' not in text


def test_who_may_not_store_is_told_so_and_given_no_buttons() -> None:
    with TestClient(Litestar([upload_pages()], openapi_config=None)) as client:
        text = client.get("/upload").text
        assert "not add any" in text
        assert 'data-at="choose-files"' not in text
