import pytest

from sagittal.access.secrets import checked_digest, digest_of, is_same, is_secret, new_secret
from sagittal.errors import Invalid


def test_secrets_are_of_the_form_that_is_looked_up() -> None:
    assert all(is_secret(new_secret()) for _ in range(100))


@pytest.mark.parametrize("text", ["", "short", "x" * 44, "é" * 43, "x" * 42 + "\n"])
def test_what_has_not_their_form_is_none(text: str) -> None:
    assert not is_secret(text)


def test_a_digest_of_one_purpose_is_none_of_another() -> None:
    secret = new_secret()
    assert digest_of("session", secret) == digest_of("session", secret)
    assert digest_of("session", secret) != digest_of("token", secret)
    assert secret.encode() not in digest_of("session", secret)


def test_what_is_refused_is_not_repeated() -> None:
    with pytest.raises(Invalid) as raised:
        checked_digest("token", "canary", "a token")
    assert "canary" not in str(raised.value)


def test_text_and_bytes_are_compared_as_they_are() -> None:
    assert is_same("é", "é".encode())
    assert not is_same("a", "b")
