import msgspec
import pytest

from sagittal.dicomweb.problems import STATUSES, UNEXPECTED, MethodNotAllowed, NotAcceptable, problem, status_of
from sagittal.errors import KINDS, Corrupt, Exhausted, Invalid, NotFound, SagittalError


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_of_failure_is_in_the_doors_table(kind: type[SagittalError]) -> None:
    assert kind in STATUSES
    assert 400 <= STATUSES[kind].code < 600


def test_a_case_of_a_kind_has_its_own_status_or_that_of_the_kind() -> None:
    class Special(NotFound):
        pass

    assert status_of(NotAcceptable("x")).code == 406
    assert status_of(Special("x")).code == 404


def test_a_problem_says_what_is_wrong_and_under_which_id() -> None:
    answer = problem(Invalid("limit is to be a number"), "abc")
    assert answer.status == 400
    assert ("content-type", "application/problem+json") in answer.headers
    assert isinstance(answer.body, bytes)
    assert msgspec.json.decode(answer.body) == {
        "title": STATUSES[Invalid].title,
        "status": 400,
        "detail": "limit is to be a number",
        "request_id": "abc",
    }


def test_the_text_of_an_error_that_is_not_ours_stays_here() -> None:
    answer = problem(ValueError("Doe^Jane"), "abc")
    assert answer.status == UNEXPECTED.code
    assert isinstance(answer.body, bytes)
    assert b"Doe" not in answer.body


def test_a_lack_of_something_says_when_to_try_again() -> None:
    assert dict(problem(Exhausted("slots"), "abc").headers)["retry-after"] == "5"
    assert "retry-after" not in dict(problem(Corrupt("digest"), "abc").headers)


def test_a_wrong_method_says_which_are_right() -> None:
    answer = problem(MethodNotAllowed("the resource takes GET, POST", "GET", "POST"), "abc")
    assert dict(answer.headers)["allow"] == "GET, POST"
    assert isinstance(answer.body, bytes)
    assert msgspec.json.decode(answer.body)["detail"] == "the resource takes GET, POST"
