from pathlib import Path

import pytest

from sagittal.errors import Invalid
from sagittal.runtime.settings import Caller, Destination, describe, load, parse_address


def test_the_defaults_listen_on_loopback_only() -> None:
    settings = load(environment={})
    assert (settings.http, settings.dicom, settings.aet) == ("127.0.0.1:8080", "127.0.0.1:11112", "SAGITTAL")


def test_the_command_line_goes_before_the_environment_and_that_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text('aet = "FILE"\nhttp = "127.0.0.1:1"\ndicom = "127.0.0.1:1"\n')
    environment = {"SAGITTAL_AET": "ENV", "SAGITTAL_HTTP": "127.0.0.1:2"}
    settings = load(file, environment, {"aet": "LINE", "data": None})
    assert (settings.aet, settings.http, settings.dicom) == ("LINE", "127.0.0.1:2", "127.0.0.1:1")


def test_tables_come_from_toml_and_as_json_from_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text('[callers.CT1]\naddresses = ["192.0.2.1"]\n')
    told = '{"WS": {"host": "192.0.2.2", "port": 104}}'
    settings = load(file, {"SAGITTAL_DESTINATIONS": told})
    assert settings.callers == {"CT1": Caller(("192.0.2.1",))}
    assert settings.destinations == {"WS": Destination("192.0.2.2", 104)}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('aett = "X"', "aett"),
        ("max_pdu_bytes = 1", "max_pdu_bytes"),
        ('log_level = "loud"', "log_level"),
        ("data = ", "s.toml"),
        ('[destinations.A]\nhost = "h"\nport = 0', "destinations"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "s.toml"
    file.write_text(text)
    with pytest.raises(Invalid, match=named):
        load(file, {})


@pytest.mark.parametrize(
    ("variable", "value"),
    [("SAGITTAL_AETT", "X"), ("SAGITTAL_MAX_PDU_BYTES", "many"), ("SAGITTAL_DESTINATIONS", "{")],
)
def test_what_is_wrong_in_the_environment_is_named(variable: str, value: str) -> None:
    with pytest.raises(Invalid, match=variable):
        load(environment={variable: value})


def test_every_setting_says_what_it_is_for() -> None:
    assert all(said.description and said.kind for said in describe())


@pytest.mark.parametrize("text", ["8080", "host:", ":1", "host:port", "host:70000"])
def test_an_address_is_a_host_and_a_port(text: str) -> None:
    with pytest.raises(Invalid, match="http"):
        parse_address(text, "http")


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"dicom": "nonsense"}, "dicom"),
        ({"http": "8080"}, "http"),
        ({"aet": "LONGER_THAN_SIXTEEN"}, "aet"),
        ({"aet": ""}, "aet"),
        ({"called_aets": ["OK", "NOT\\OK"]}, "called_aets"),
        ({"callers": {" CT1": {}}}, "callers"),
        ({"public_url": "http://pacs.example.org"}, "public_url"),
        ({"public_url": "https://pacs.example.org/under"}, "public_url"),
        ({"public_url": "https://[1"}, "public_url"),
        ({"public_url": "https://ü..example"}, "public_url"),
        ({"public_url": "https://pacs.example.org:many"}, "public_url"),
        ({"oidc_issuer": "https://user:word@id.example.org", "oidc_client_id": "s"}, "oidc_issuer"),
        ({"oidc_issuer": "https://id.example.org"}, "oidc_client_id"),
        ({"oidc_scopes": ["profile"]}, "oidc_scopes"),
        ({"oidc_roles": {"g": ["king"]}}, "oidc_roles.g"),
        ({"oidc_roles": {"g": ["auditor@"]}}, "oidc_roles.g"),
        ({"trusted_proxies": ["192.0.2.1/8"]}, "trusted_proxies"),
        ({"destinations": {"MÜNSTER": {"host": "h", "port": 104}}}, "destinations"),
    ],
)
def test_addresses_and_ae_titles_are_checked_before_anything_starts(values: dict[str, object], named: str) -> None:
    with pytest.raises(Invalid, match=named):
        load(environment={}, overrides=values)


def test_what_sign_in_needs_is_taken() -> None:
    told = {"public_url": "http://localhost:8080", "oidc_issuer": "https://id.example.org/realm", "oidc_client_id": "s"}
    settings = load(environment={}, overrides={**told, "oidc_roles": {"/doctors": ["radiologist@north", "teacher"]}})
    assert settings.oidc_roles["/doctors"] == ("radiologist@north", "teacher")


def test_a_secret_of_the_environment_is_no_setting_and_is_shown_nowhere() -> None:
    settings = load(environment={"SAGITTAL_OIDC_CLIENT_SECRET": "canary"})
    assert "canary" not in repr(settings)
    assert "oidc_client_secret" not in {said.name for said in describe()}
