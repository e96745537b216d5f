"""Every setting, written once: name, type, unit, default and why it exists.

Order: default < TOML file < environment (`SAGITTAL_` and the name in capitals; tables and lists as JSON) < command
line.
Docs (`docs/settings.md`), `sagittal settings` and the error messages come from this one place.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

import msgspec

from sagittal.dicom.attribute_path import AttributePath, parse_attribute
from sagittal.dicom.identifiers import check_ae_title
from sagittal.errors import Invalid
from sagittal.runtime.actor import ROLES, Role
from sagittal.runtime.secrets import SECRETS

PREFIX = "SAGITTAL_"
MAX_QUERY_ATTRIBUTES = 32


def _says(text: str, *, ge: int | None = None, le: int | None = None) -> msgspec.Meta:
    return msgspec.Meta(description=text, ge=ge, le=le)


class Destination(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A DICOM peer that instances can be sent to, by C-MOVE or by `sagittal send`."""

    host: str
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    tls: bool = False


class Caller(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A calling AE title that may open associations; from any address if none is named."""

    addresses: tuple[str, ...] = ()


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person running the site can choose."""

    data: Annotated[str, _says("folder that holds everything that is kept")] = "sagittal-data"
    http: Annotated[str, _says("address and port of DICOMweb; empty: no HTTP")] = "127.0.0.1:8080"
    dicom: Annotated[str, _says("address and port of DIMSE; empty: no DIMSE")] = "127.0.0.1:11112"
    aet: Annotated[str, _says("our own AE title")] = "SAGITTAL"
    called_aets: Annotated[
        tuple[str, ...], _says("called AE titles that are answered; empty: any, as many modalities are set up wrongly")
    ] = ()
    callers: Annotated[
        dict[str, Caller],
        _says("calling AE titles that may associate at all, each with its addresses; empty: only known devices decide"),
    ] = {}
    destinations: Annotated[
        dict[str, Destination], _says("AE titles that C-MOVE and `sagittal send` may send to: host, port, tls")
    ] = {}
    dicom_tls_certificate: Annotated[str, _says("PEM chain of the DIMSE listener; empty: plain TCP")] = ""
    dicom_tls_key: Annotated[str, _says("PEM key of the DIMSE listener; empty: it is in the certificate's file")] = ""
    dicom_tls_ca: Annotated[
        str,
        _says("PEM authorities that callers and destinations must be signed by; empty: callers need no certificate"),
    ] = ""
    http_tls_certificate: Annotated[str, _says("PEM chain of DICOMweb; empty: plain HTTP")] = ""
    http_tls_key: Annotated[str, _says("PEM key of DICOMweb")] = ""
    max_associations: Annotated[
        int, _says("associations open at one time; what is over is rejected, temporarily", ge=1, le=100_000)
    ] = 1000
    max_associations_per_ae: Annotated[
        int, _says("associations open at one time for one calling AE title", ge=1, le=100_000)
    ] = 300
    max_associations_per_address: Annotated[
        int, _says("connections open at one time from one address, half-open ones included", ge=1, le=100_000)
    ] = 400
    association_request_timeout_s: Annotated[
        int, _says("how long a connection may take to request its association, s (ARTIM)", ge=1, le=3600)
    ] = 15
    association_idle_timeout_s: Annotated[
        int, _says("how long an association may say nothing between messages, s", ge=1, le=86_400)
    ] = 600
    message_min_rate_bytes_s: Annotated[
        int, _says("slowest rate in the middle of a message before the association is aborted, bytes/s", ge=0)
    ] = 100
    max_pdu_bytes: Annotated[int, _says("longest P-DATA-TF that peers may send us, bytes", ge=4096, le=16_777_216)] = (
        131_072
    )
    dimse_timeout_s: Annotated[int, _says("how long a peer may take to answer us, s", ge=1, le=86_400)] = 60
    operation_timeout_s: Annotated[
        int, _says("how long one request may take to be done (store, find, one sub-operation), s", ge=1, le=86_400)
    ] = 300
    shutdown_timeout_s: Annotated[
        int, _says("how long what is in flight may take to finish when told to stop, s", ge=0, le=3600)
    ] = 8
    max_object_bytes: Annotated[
        int, _says("largest instance that is accepted, bytes", ge=1_048_576, le=1_099_511_627_776)
    ] = 68_719_476_736
    query_limit: Annotated[
        int, _says("most answers of one DICOMweb query; the client pages for more", ge=1, le=1_000_000)
    ] = 5000
    query_attributes: Annotated[
        tuple[str, ...],
        _says(
            "further attributes to search by: `FlipAngle`, `00181314`, "
            '`RequestAttributesSequence.RequestedProcedureID`, `0009,"GEMS_IDEN_01",27`, each with `:VR` where no '
            "dictionary knows it; what is kept is indexed by them in the background"
        ),
    ] = ()
    upload_max_bytes: Annotated[
        int, _says("largest upload by the web, and most that a ZIP may unpack to, bytes", ge=1_048_576)
    ] = 34_359_738_368
    upload_space_bytes: Annotated[
        int, _says("disk space that uploads take until they are brought in, all together, bytes", ge=1_048_576)
    ] = 137_438_953_472
    upload_expiry_h: Annotated[
        int, _says("how long an unfinished upload waits for its next piece, and a report is kept, h", ge=1, le=8760)
    ] = 168
    public_url: Annotated[
        str,
        _says(
            "URL under which people reach this site, as https://pacs.example.org; empty: the address it listens on, "
            "by the name localhost"
        ),
    ] = ""
    trusted_proxies: Annotated[
        tuple[str, ...],
        _says("addresses or networks of proxies whose X-Forwarded-For, -Proto and -Host are believed; empty: none"),
    ] = ()
    session_idle_timeout_s: Annotated[
        int, _says("how long a browser session lasts without a request, s", ge=60, le=604_800)
    ] = 3600
    session_lifetime_s: Annotated[
        int, _says("how long a browser session lasts at most, s; then people sign in again", ge=300, le=2_592_000)
    ] = 43_200
    oidc_issuer: Annotated[
        str, _says("issuer URL of the OpenID provider that people sign in with; empty: local accounts only")
    ] = ""
    oidc_client_id: Annotated[str, _says("what the OpenID provider knows us as")] = ""
    oidc_client_secret_file: Annotated[
        str,
        _says(
            "file with the client secret; SAGITTAL_OIDC_CLIENT_SECRET in the environment goes before it; "
            "neither: a public client"
        ),
    ] = ""
    oidc_scopes: Annotated[tuple[str, ...], _says("scopes asked of the OpenID provider; openid is among them")] = (
        "openid",
        "profile",
        "email",
    )
    oidc_groups_claim: Annotated[str, _says("claim of the ID token that lists somebody's groups")] = "groups"
    oidc_roles: Annotated[
        dict[str, tuple[str, ...]],
        _says(
            "groups of the OpenID provider and the roles they give, each `role` for every facility or `role@facility`; "
            "who is in none of them may not sign in"
        ),
    ] = {}
    accounts_key_file: Annotated[
        str,
        _says("file with the key that second factors are sealed under; empty: accounts.key in the data folder"),
    ] = ""
    ledger_key_file: Annotated[
        str, _says("file with the key of the ledger's chain; empty: ledger.key in the data folder, made at first start")
    ] = ""
    audit_site: Annotated[str, _says("AuditEnterpriseSiteID of DICOM audit messages")] = ""
    audit_syslog: Annotated[
        str, _says("host and port of a syslog collector with TLS (RFC 5425) that gets every audit message; empty: none")
    ] = ""
    audit_syslog_ca: Annotated[
        str, _says("PEM authorities that the collector is signed by; empty: those that the system knows")
    ] = ""
    audit_syslog_certificate: Annotated[str, _says("PEM chain and key that we show to the collector; empty: none")] = ""
    purge_rejected_after_days: Annotated[
        int, _says("days after which what was rejected is taken from the disk for good; 0: never by itself", ge=0)
    ] = 0
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], _says("from which level on lines are logged")
    ] = "info"
    log_format: Annotated[Literal["text", "json"], _says("log lines for people or for machines")] = "text"


class Described(NamedTuple):
    """One setting as `sagittal settings` and the docs show it."""

    name: str
    environment: str
    kind: str
    default: str
    description: str


def describe() -> Iterator[Described]:
    """Every setting in the order it is written above."""
    hints = get_type_hints(Settings, include_extras=True)
    for field in msgspec.structs.fields(Settings):
        kind, meta = get_args(hints[field.name])
        default = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
        yield Described(field.name, PREFIX + field.name.upper(), _kind(kind), _shown(default), meta.description)


def load(
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
) -> Settings:
    """The settings in force.

    Args:
        file: a TOML file; None for no file.
        environment: variables, `os.environ` if None.
        overrides: what the command line says; None values are as if absent.

    Raises:
        Invalid: an unknown name or a value of the wrong form, naming where it was said.
    """
    values: dict[str, object] = {}
    if file is not None:
        values |= _from_toml(file)
    values |= _from_environment(os.environ if environment is None else environment)
    values |= {name: value for name, value in (overrides or {}).items() if value is not None}
    return _convert(values, "settings")


def parse_address(text: str, what: str) -> tuple[str, int]:
    """Host and port of `host:port`, or Invalid naming the setting `what`.

    >>> parse_address("[::1]:104", "dicom")
    ('::1', 104)
    """
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise Invalid(f"{what} is to be an address and a port such as 127.0.0.1:8080; got {text!r}")
    return host.strip("[]"), int(port)


def _from_toml(file: Path) -> dict[str, object]:
    try:
        values = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Invalid(f"the settings file {file} cannot be read: {error}") from error
    _convert(values, str(file))
    return values


def _from_environment(environment: Mapping[str, str]) -> dict[str, object]:
    hints = get_type_hints(Settings)
    values: dict[str, object] = {}
    for variable, said in environment.items():
        if not variable.startswith(PREFIX):
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name in SECRETS:
            continue
        if name not in hints:
            raise Invalid(f"{variable} in the environment names no setting; `sagittal settings` lists them")
        values[name] = _parse(hints[name], said, variable)
    return values


def _parse(kind: Any, said: str, variable: str) -> object:  # Any: a type form
    if kind is int:
        try:
            return int(said)
        except ValueError as error:
            raise Invalid(f"{variable} is to be a whole number; got {said!r}") from error
    if get_origin(kind) in {tuple, dict}:
        try:
            return msgspec.json.decode(said)
        except msgspec.DecodeError as error:
            raise Invalid(f"{variable} is to be JSON: {error}") from error
    return said


def _convert(values: Mapping[str, object], where: str) -> Settings:
    try:
        settings = msgspec.convert(values, Settings)
        _check(settings)
    except (msgspec.ValidationError, Invalid) as error:
        raise Invalid(f"{where}: {error}") from error
    return settings


def _check(settings: Settings) -> None:
    """What a type cannot say; raises Invalid."""
    named_attributes(settings)
    for name in ("http", "dicom"):
        if said := getattr(settings, name):
            parse_address(said, name)
    for name in ("aet", "called_aets", "callers", "destinations"):
        said = getattr(settings, name)
        for title in (said,) if isinstance(said, str) else said:
            try:
                is_bare = check_ae_title(title) == title
            except Invalid as error:
                raise Invalid(f"{name}: {error}") from error
            if not is_bare:
                raise Invalid(f"{name}: an AE title neither begins nor ends with a space; got {title!r}")
    _check_sign_in(settings)


def _check_sign_in(settings: Settings) -> None:
    for name in ("public_url", "oidc_issuer"):
        _check_url(name, getattr(settings, name))
    if urlsplit(settings.public_url).path.strip("/"):
        raise Invalid(f"public_url is to be a scheme, a name and a port, without a path; got {settings.public_url!r}")
    for said in settings.trusted_proxies:
        try:
            ip_network(said)
        except ValueError as error:
            raise Invalid(f"trusted_proxies: {error}") from error
    if settings.oidc_issuer and not settings.oidc_client_id:
        raise Invalid("oidc_issuer needs oidc_client_id, what the provider knows us as")
    if "openid" not in settings.oidc_scopes:
        raise Invalid("oidc_scopes is to have openid among them")
    for group, roles in settings.oidc_roles.items():
        for said in roles:
            parse_role(said, f"oidc_roles.{group}")


def _check_url(name: str, said: str) -> None:
    """An origin that browsers keep secrets for: https, or this machine."""
    try:
        url = urlsplit(said)
        _ = url.port, (url.hostname or "").encode("idna")  # raise what is wrong about them
    except ValueError as error:
        raise Invalid(f"{name} is to be a URL: {error}") from error
    is_here = url.hostname in {"localhost", "127.0.0.1", "::1"}
    if said and (not url.hostname or url.scheme not in (("https", "http") if is_here else ("https",))):
        raise Invalid(f"{name} is to be an https URL (http for this machine only); got {said!r}")
    if url.query or url.fragment or url.username:
        raise Invalid(f"{name} is to be a URL without a query, fragment or user; got {url.scheme}://{url.hostname}")


class RoleAt(NamedTuple):
    """A role somebody has at a facility, `"*"` for every facility."""

    role: Role
    facility: str


def parse_role(text: str, what: str) -> RoleAt:
    """What `role` or `role@facility` says, or Invalid naming `what`.

    >>> parse_role("referring clinician@north", "role")
    RoleAt(role='referring clinician', facility='north')
    >>> parse_role("administrator", "role").facility
    '*'
    """
    said, at, facility = text.partition("@")
    for role in ROLES:
        if role == said and bool(at) == bool(facility.strip()):
            return RoleAt(role, facility.strip() or "*")
    raise Invalid(f"{what} is to be one of {', '.join(ROLES)}, perhaps with @facility; got {text!r}")


def named_attributes(settings: Settings) -> tuple[AttributePath, ...]:
    """What `query_attributes` names; Invalid saying which of them is none."""
    if len(settings.query_attributes) > MAX_QUERY_ATTRIBUTES:
        said = len(settings.query_attributes)
        raise Invalid(f"query_attributes names at most {MAX_QUERY_ATTRIBUTES} attributes; got {said}")
    try:
        return tuple(dict.fromkeys(map(parse_attribute, settings.query_attributes)))
    except Invalid as error:
        raise Invalid(f"query_attributes: {error}") from error


def _kind(kind: Any) -> str:  # Any: a type form
    origin = get_origin(kind)
    if origin is Literal:
        return " | ".join(get_args(kind))
    if origin is tuple:
        return "list of text"
    if origin is dict:
        return "table"
    return {"str": "text", "int": "whole number"}[kind.__name__]


def _shown(value: object) -> str:
    return msgspec.json.encode(value).decode() if isinstance(value, dict | tuple) else str(value)
