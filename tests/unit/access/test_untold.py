"""What is secret is in no repr: of what is handed out, of what is kept, of who holds it."""

import dataclasses
import inspect
from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

import pytest

import sagittal.access
from sagittal.access.passwords import Passwords
from sagittal.access.porter import Porter
from sagittal.access.provider import Provider
from sagittal.archive.records.records import Records
from sagittal.runtime.settings import Settings

SECRET_NAMES = {
    "secret",
    "ticket",
    "password",
    "pin",
    "oidc_id_token",
    "id_token",
    "access_token",
    "nonce",
    "verifier",
    "state",
    "code",
    "content",
}


def values() -> Iterator[tuple[str, type]]:
    """Every NamedTuple and Struct of the package that has a field of such a name."""
    for found in iter_modules(sagittal.access.__path__):
        module = import_module(f"sagittal.access.{found.name}")
        for name, kind in inspect.getmembers(module, inspect.isclass):
            fields = getattr(kind, "_fields", ()) or getattr(kind, "__struct_fields__", ())
            if kind.__module__ == module.__name__ and SECRET_NAMES & set(fields):
                yield f"{found.name}.{name}", kind


CASES = list(values())


def test_there_is_something_to_look_at() -> None:
    assert len(CASES) > 12
    assert not any(dataclasses.is_dataclass(kind) for _, kind in CASES)


@pytest.mark.parametrize("kind", [kind for _, kind in CASES], ids=[name for name, _ in CASES])
def test_a_value_does_not_tell_what_it_hides(kind: type) -> None:
    fields = getattr(kind, "_fields", ()) or getattr(kind, "__struct_fields__", ())
    canaries = {name: f"canary-{name}" for name in fields}
    shown = repr(kind(**canaries))
    assert [name for name in SECRET_NAMES & set(fields) if f"canary-{name}" in shown] == []
    assert kind.__name__ in shown


async def test_those_who_hold_secrets_do_not_tell_them(records: Records, passwords: Passwords) -> None:
    provider = Provider(Settings(oidc_issuer="https://id.example.org", oidc_client_id="x"), "canary")
    porter = Porter(records, Settings(), passwords)
    assert "canary" not in repr(provider) + repr(vars(porter))
    porter.close()
    await provider.close()
