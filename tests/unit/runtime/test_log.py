import json

import pytest
import structlog

from sagittal.runtime import log


@pytest.fixture(autouse=True)
def _as_before() -> object:
    yield
    structlog.reset_defaults()


def test_an_exception_is_logged_without_its_message(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(form="json")
    try:
        raise ValueError("Doe^Jane")
    except ValueError:
        log.get_logger(__name__).exception("it broke")
    line = capsys.readouterr().err
    told = json.loads(line)
    assert told["error"] == "ValueError"
    assert told["at"][-1].startswith("test_log.py:")
    assert "Doe" not in line


def test_lines_below_the_level_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("warning")
    log.get_logger(__name__).info("quiet")
    log.get_logger(__name__).warning("loud")
    told = capsys.readouterr().err
    assert "loud" in told
    assert "quiet" not in told


def test_lines_go_to_standard_error_only(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure()
    log.get_logger(__name__).info("here", fact=1)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "fact" in captured.err


def test_a_line_is_one_line_whatever_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure()
    log.get_logger(__name__).info("came", aet="CT\n2026 [info] ready\x1b[31m\u202e")
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "CT\ufffd2026 [info] ready\ufffd[31m\ufffd" in told
