"""Every route of every door of the web, with every role, two facilities, tokens, share links and nobody.

What each may is worked out from the policy's table here a second time, in the plainest way. A route that is in no table
below fails the test.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Literal, NamedTuple, TypeAlias

import httpx
import pytest
from litestar.routes import ASGIRoute, HTTPRoute
from pydicom.dataset import Dataset

from sagittal.access import shares
from sagittal.access.links import DOWNLOAD, VIEW, NewLink
from sagittal.access.policy import DEFAULT
from sagittal.access.shares import NewShare
from sagittal.dicomweb.routes import ROUTES
from sagittal.lifecycle.rejecting import restore
from sagittal.runtime.actor import LOCAL, ROLES, Action, Relation, Role
from sagittal.runtime.settings import RoleAt
from sagittal.web.gate import PUBLIC
from support.archives import file_bytes, instance, soon
from support.deployment import NORTH, SOUTH, Deployment, answers, deployed

HERE, THERE, SHARED, ASSIGNED, REFERRED, GLASS, MISSING = (f"1.2.3.{number}" for number in range(1, 8))
FACILITY = {HERE: NORTH, THERE: SOUTH, SHARED: SOUTH, ASSIGNED: SOUTH, REFERRED: NORTH, GLASS: SOUTH}
KNOWN = tuple(FACILITY)[:-1]
STUDIES = (*KNOWN, MISSING)
FEW = (HERE, THERE, SHARED, MISSING)
IN_FULL = ("/studies/*", "/studies/*/series", "/studies/*/metadata")
REFERRER = "Referrer^Ruth"
NO_NUMBER = "999999"

# What each route of DICOMweb is: `read`, `query` and so on to what it names; `search`: to all there is.
DICOMWEB: Mapping[str, Mapping[str, str]] = {
    "/": {"GET": "signed in"},
    "/studies": {"GET": "search", "POST": "store"},
    "/studies/*": {"GET": "read files", "POST": "store", "DELETE": "change"},
    "/studies/*/metadata": {"GET": "read"},
    "/studies/*/rendered": {"GET": "read"},
    "/studies/*/thumbnail": {"GET": "read"},
    "/studies/*/bulkdata": {"GET": "read"},
    "/studies/*/pixeldata": {"GET": "read"},
    "/studies/*/series": {"GET": "query"},
    "/studies/*/instances": {"GET": "query"},
    "/studies/*/series/*": {"GET": "read files", "POST": "store", "DELETE": "change"},
    "/studies/*/series/*/metadata": {"GET": "read"},
    "/studies/*/series/*/rendered": {"GET": "read"},
    "/studies/*/series/*/thumbnail": {"GET": "read"},
    "/studies/*/series/*/bulkdata": {"GET": "read"},
    "/studies/*/series/*/pixeldata": {"GET": "read"},
    "/studies/*/series/*/instances": {"GET": "query"},
    "/studies/*/series/*/instances/*": {"GET": "read", "DELETE": "change"},
    "/studies/*/series/*/instances/*/metadata": {"GET": "read"},
    "/studies/*/series/*/instances/*/rendered": {"GET": "read"},
    "/studies/*/series/*/instances/*/thumbnail": {"GET": "read"},
    "/studies/*/series/*/instances/*/bulkdata": {"GET": "read"},
    "/studies/*/series/*/instances/*/pixeldata": {"GET": "read"},
    "/studies/*/series/*/instances/*/frames/*": {"GET": "read"},
    "/studies/*/series/*/instances/*/frames/*/rendered": {"GET": "read"},
    "/studies/*/series/*/instances/*/frames/*/thumbnail": {"GET": "read"},
    "/studies/*/series/*/instances/*/bulkdata/*": {"GET": "read"},
    "/patients": {"GET": "search"},
    "/series": {"GET": "search"},
    "/instances": {"GET": "search"},
    "/series/*": {"GET": "read files"},
    "/series/*/metadata": {"GET": "read"},
    "/series/*/rendered": {"GET": "read"},
    "/series/*/thumbnail": {"GET": "read"},
    "/series/*/bulkdata": {"GET": "read"},
    "/series/*/pixeldata": {"GET": "read"},
    "/series/*/instances": {"GET": "read"},
    "/instances/*": {"GET": "read"},
    "/instances/*/metadata": {"GET": "read"},
    "/instances/*/rendered": {"GET": "read"},
    "/instances/*/thumbnail": {"GET": "read"},
    "/instances/*/bulkdata": {"GET": "read"},
    "/instances/*/pixeldata": {"GET": "read"},
    "/instances/*/frames/*": {"GET": "read"},
    "/instances/*/frames/*/rendered": {"GET": "read"},
    "/instances/*/frames/*/thumbnail": {"GET": "read"},
    "/instances/*/bulkdata/*": {"GET": "read"},
    "/wado": {"GET": "read"},
}

REASON = "nobody else can be reached"


class Api(NamedTuple):
    """A route of the API.

    Attributes:
        action: what it asks for; None for what concerns nobody but who asks.
        status: where that is allowed.
        body: what is sent, for a study.
        query: what stands in the address, for a study.
        is_of_study: 404 for studies that are not theirs; else the answer is the same whatever it names.
        is_everywhere: it takes to be allowed it at every facility.
        of: whose alone it is: of people who show themselves, of accounts, of those of them that share.
    """

    action: Action | None
    status: int
    body: Callable[[str], object] | None = None
    query: str = ""
    is_of_study: bool = False
    is_everywhere: bool = False
    of: Literal["", "persons", "accounts", "sharers"] = ""


def api_admin(action: Action, status: int, body: object = None) -> Api:
    return Api(action, status, None if body is None else lambda _: body, is_everywhere=True)


def of_persons(status: int, body: object = None) -> Api:
    return Api(None, status, None if body is None else lambda _: body, of="persons")


API: Mapping[tuple[str, str], Api] = {
    ("GET", "/api/rejections"): Api("change", 200),
    ("POST", "/api/rejections"): Api("change", 201, lambda study: {"study": study}, is_of_study=True),
    ("GET", "/api/rejections/{rejection:int}"): Api("change", 404),
    ("POST", "/api/rejections/{rejection:int}/undo"): Api("change", 404),
    ("GET", "/api/quarantine"): Api("change", 200),
    ("GET", "/api/quarantine/{number:int}"): Api("change", 404),
    ("GET", "/api/quarantine/{number:int}/{which:str}/picture"): Api("change", 404),
    ("POST", "/api/quarantine/{number:int}/decide"): Api("change", 404, lambda _: {"choice": "keep"}),
    ("POST", "/api/quarantine/{number:int}/verify"): Api("change", 404),
    ("GET", "/api/quarantine/decisions"): Api("change", 200),
    ("GET", "/api/quarantine/decisions/{decision:int}"): Api("change", 404),
    ("POST", "/api/quarantine/decisions/{decision:int}/undo"): Api("change", 404),
    ("GET", "/api/shares"): Api("share", 200, query="?study={study}", is_of_study=True),
    ("POST", "/api/shares"): Api("share", 201, lambda study: {"study": study, "facility": "local"}, is_of_study=True),
    ("DELETE", "/api/shares/{share:int}"): Api("share", 404),
    ("GET", "/api/studies/{study:str}/break-glass"): Api("break_glass", 200),
    ("POST", "/api/studies/{study:str}/break-glass"): Api("break_glass", 404, lambda _: {"reason": REASON}),
    ("GET", "/api/break-glass"): Api("audit", 200),
    ("POST", "/api/break-glass/{glass:int}/review"): Api("audit", 404, lambda _: {"verdict": "fine"}),
    ("GET", "/api/holds"): Api("manage", 200),
    ("POST", "/api/holds"): Api("manage", 201, lambda study: {"study": study, "reason": "a case"}, is_of_study=True),
    ("DELETE", "/api/holds/{hold:int}"): Api("manage", 404),
    ("POST", "/api/consents"): Api(
        "change", 204, lambda study: {"patient_id": study, "purpose": "share", "is_given": True}, is_of_study=True
    ),
    ("GET", "/api/docs"): Api(None, 200),
    ("GET", "/api/openapi.json"): Api(None, 200),
    ("GET", "/api/about"): Api(None, 200),
    ("GET", "/api/account"): Api(None, 200),
    ("POST", "/api/studies/search"): Api("query", 200, lambda study: {"text": study}),
    ("GET", "/api/studies/facilities"): Api("query", 200),
    ("GET", "/api/patients/{patient:int}"): Api("query", 404),
    ("GET", "/api/studies/{study:str}"): Api("query", 200, is_of_study=True),
    ("GET", "/api/studies/{study:str}/tags"): Api("read", 200, is_of_study=True),
    ("GET", "/api/studies/{study:str}/files.zip"): Api("export", 200, is_of_study=True),
    ("GET", "/api/studies/{study:str}/pictures.zip"): Api("export", 200, is_of_study=True),
    ("POST", "/api/studies/{study:str}/send"): Api("send", 404, lambda _: {"destination": "NOWHERE"}),
    ("GET", "/api/studies/{study:str}/findings"): Api("read", 200, is_of_study=True),
    ("POST", "/api/studies/{study:str}/findings"): Api("read", 400, lambda _: {}, is_of_study=True),  # nothing to keep
    ("GET", "/api/preferences"): Api(None, 200, of="accounts"),
    ("PUT", "/api/preferences/columns"): Api(None, 200, lambda _: {"columns": ["date"]}, of="accounts"),
    ("PUT", "/api/preferences/language"): Api(None, 200, lambda _: {"language": "fr"}, of="accounts"),
    ("POST", "/api/preferences/filters"): Api(None, 201, lambda _: {"name": "CT", "asked": {}}, of="accounts"),
    ("DELETE", "/api/preferences/filters/{filters:int}"): Api(None, 404, of="accounts"),
    ("GET", "/api/accounts"): api_admin("manage", 200),
    ("POST", "/api/accounts"): api_admin("manage", 201, {"name": "jo", "password": "four words in a row"}),
    ("GET", "/api/accounts/{account:int}"): api_admin("manage", 404),
    ("PATCH", "/api/accounts/{account:int}"): api_admin("manage", 404, {"is_disabled": True}),
    ("PUT", "/api/accounts/{account:int}/roles"): api_admin("manage", 404, {"roles": []}),
    ("PUT", "/api/accounts/{account:int}/password"): api_admin("manage", 404, {"password": "four words in a row"}),
    ("GET", "/api/roles"): api_admin("manage", 200),
    ("PUT", "/api/roles/{role:str}/{relation:str}"): api_admin("configure", 204, {"may": ["query"]}),
    ("GET", "/api/facilities"): api_admin("configure", 200),
    ("POST", "/api/facilities"): api_admin("configure", 201, {"name": "west"}),
    ("DELETE", "/api/facilities/{facility:str}"): api_admin("configure", 404),
    ("GET", "/api/devices"): api_admin("configure", 200),
    ("POST", "/api/devices"): api_admin("configure", 201, {"aet": "CT9"}),
    ("PATCH", "/api/devices/{device:int}"): api_admin("configure", 404, {"is_disabled": True}),
    ("DELETE", "/api/devices/{device:int}"): api_admin("configure", 404),
    ("GET", "/api/destinations"): api_admin("configure", 200),
    ("POST", "/api/destinations/{aet:str}/echo"): api_admin("configure", 404),
    ("GET", "/api/tokens"): api_admin("manage", 200),
    ("DELETE", "/api/tokens/{token:int}"): api_admin("manage", 404),
    ("GET", "/api/links"): api_admin("manage", 200),
    ("DELETE", "/api/links/{link:int}"): api_admin("manage", 404),
    ("GET", "/api/storage"): api_admin("configure", 200),
    ("GET", "/api/settings"): api_admin("configure", 200),
    ("POST", "/api/ledger/search"): api_admin("audit", 200, {}),
    ("PUT", "/api/account/password"): of_persons(400, {"current": "x", "new": "y"}),  # too easy to guess
    ("GET", "/api/account/sessions"): of_persons(200),
    ("DELETE", "/api/account/sessions"): of_persons(200),
    ("DELETE", "/api/account/sessions/{session:str}"): of_persons(404),
    ("GET", "/api/account/totp"): of_persons(200),
    ("POST", "/api/account/totp"): of_persons(200),
    ("PUT", "/api/account/totp"): of_persons(403, {"code": "none"}),
    ("POST", "/api/account/totp/recovery-codes"): of_persons(403, {"code": "none"}),
    ("POST", "/api/account/totp/remove"): of_persons(403, {"code": "none"}),
    ("GET", "/api/account/passkeys"): of_persons(200),
    ("POST", "/api/account/passkeys/begin"): of_persons(200),
    ("POST", "/api/account/passkeys"): of_persons(403, {"ticket": "none", "response": "{}"}),
    ("PATCH", "/api/account/passkeys/{passkey:int}"): of_persons(404, {"label": "phone"}),
    ("DELETE", "/api/account/passkeys/{passkey:int}"): of_persons(404),
    ("GET", "/api/account/tokens"): of_persons(200),
    ("POST", "/api/account/tokens"): of_persons(201, {"label": "of a test", "may": ["query"]}),
    ("DELETE", "/api/account/tokens/{token:int}"): of_persons(404),
    ("GET", "/api/account/links"): Api(None, 200, of="sharers"),
    ("POST", "/api/account/links"): Api("share", 201, lambda study: {"study": study}, is_of_study=True),
    ("DELETE", "/api/account/links/{link:int}"): Api(None, 404, of="sharers"),
}

STREAM = ("/studies/changes", "/api/studies/changes")
"""They go on until they are left: tests/unit/web/test_study_pages.py holds whom they tell of what."""


class StudyPage(NamedTuple):
    """A page about studies.

    Attributes:
        action: what it asks for; None for what concerns nobody but who asks.
        status: where that is allowed.
        is_of_study: 404 for studies that are not theirs.
        is_everywhere: it takes to be allowed it at every facility; `or_else`, any of these does too.
    """

    action: Action | None
    status: int
    is_of_study: bool = False
    is_everywhere: bool = False
    or_else: tuple[Action, ...] = ()


def admin(action: Action, status: int, *or_else: Action) -> StudyPage:
    return StudyPage(action, status, is_everywhere=True, or_else=or_else)


STUDY_PAGES: Mapping[tuple[str, str], StudyPage] = {
    ("GET", "/studies"): StudyPage("query", 200),
    ("POST", "/studies"): StudyPage("query", 200),
    ("POST", "/studies/columns"): StudyPage(None, 303),
    ("POST", "/studies/saved"): StudyPage(None, 400),  # for want of a name
    ("POST", "/studies/saved/{number:int}/remove"): StudyPage(None, 303),
    ("GET", "/studies/{uid:str}"): StudyPage("query", 200, is_of_study=True),
    ("GET", "/studies/{uid:str}/tags"): StudyPage("read", 200, is_of_study=True),
    ("GET", "/studies/{uid:str}/files.zip"): StudyPage("export", 200, is_of_study=True),
    ("GET", "/studies/{uid:str}/pictures.zip"): StudyPage("export", 200, is_of_study=True),
    ("POST", "/studies/{uid:str}/send"): StudyPage("send", 404),  # for want of a destination
    ("POST", "/studies/{uid:str}/reject"): StudyPage("change", 303, is_of_study=True),
    ("GET", "/rejections"): StudyPage("change", 200),
    ("POST", "/rejections/{number:int}/restore"): StudyPage("change", 404),
    ("GET", "/quarantine"): StudyPage("change", 200),
    ("GET", "/quarantine/{number:int}"): StudyPage("change", 404),
    ("POST", "/quarantine/{number:int}/decide"): StudyPage("change", 404),
    ("POST", "/quarantine/{number:int}/verify"): StudyPage("change", 404),
    ("POST", "/quarantine/{number:int}/reject"): StudyPage("change", 404),
    ("POST", "/quarantine/decisions/{number:int}/undo"): StudyPage("change", 404),
    ("GET", "/patients/{number:int}"): StudyPage("query", 404),
    ("POST", "/language"): StudyPage(None, 400),  # for want of one
    ("GET", "/admin"): admin("manage", 303, "configure", "audit", "change"),
    ("GET", "/admin/people"): admin("manage", 200),
    ("POST", "/admin/people"): admin("manage", 400),
    ("POST", "/admin/people/{number:int}/disable"): admin("manage", 404),
    ("POST", "/admin/people/{number:int}/enable"): admin("manage", 404),
    ("POST", "/admin/people/{number:int}/roles"): admin("manage", 404),
    ("POST", "/admin/people/{number:int}/password"): admin("manage", 404),
    ("GET", "/admin/roles"): admin("manage", 200),
    ("POST", "/admin/roles"): admin("configure", 400),
    ("GET", "/admin/network"): admin("configure", 200),
    ("POST", "/admin/network/facilities"): admin("configure", 400),
    ("POST", "/admin/network/facilities/remove"): admin("configure", 404),
    ("POST", "/admin/network/devices"): admin("configure", 400),
    ("POST", "/admin/network/devices/{number:int}/{what:str}"): admin("configure", 404),
    ("POST", "/admin/network/echo"): admin("configure", 404),
    ("GET", "/admin/handed-out"): admin("manage", 200),
    ("POST", "/admin/handed-out/tokens/{number:int}/revoke"): admin("manage", 404),
    ("POST", "/admin/handed-out/links/{number:int}/revoke"): admin("manage", 404),
    ("GET", "/admin/storage"): admin("configure", 200),
    ("GET", "/admin/ledger"): admin("audit", 200),
    ("POST", "/admin/ledger"): admin("audit", 200),
    ("GET", "/admin/settings"): admin("configure", 200),
}

PERSONS_ONLY = re.compile(r"/account(/.*)?")
MOUNTED = ("/dicom-web", "/wado", "/ohif", "/api/uploads")
VIEWER = {
    "/view/{study:str}": 200,
    "/view/{study:str}/study": 200,
    "/view/{study:str}/kept": 200,
    "/view/{study:str}/series/{series:str}": 200,
    "/view/{study:str}/drawn/{instance:str}": 501,  # the instance draws nothing
    "/view/{study:str}/drawn/{instance:str}/runs": 501,
}
UPLOAD = ("/upload", "/upload/shell", "/upload/worker.js", "/upload/files/{version:str}/{name:str}")
FORMS = ("/language",)
SIGNED_IN = (*UPLOAD, "/view/files/{version:str}/{name:str}", "/", "/about", "/ohif")
OF_LINKS = ("/shared",)


Rules: TypeAlias = tuple[tuple[frozenset[Action], Relation, tuple[str, ...]], ...]


class Who(NamedTuple):
    """Somebody who asks.

    Attributes:
        rules: what they may, in which relation, where.
        kind: person, machine, link, nobody.
    """

    client: httpx.Client
    rules: Rules
    kind: str
    facility: str = NORTH

    @property
    def is_everywhere(self) -> bool:
        return any(at == ("*",) and relation == "performed_here" for _, relation, at in self.rules)

    def may(self, action: Action) -> bool:
        return any(action in actions for actions, _, _ in self.rules)

    def reaches(self, action: Action, study: str) -> bool:
        return any(action in actions and _stands(relation, at, study) for actions, relation, at in self.rules)


def _stands(relation: Relation, at: tuple[str, ...], study: str) -> bool:
    if study not in FACILITY:
        return False
    is_here = "*" in at or FACILITY[study] in at
    return {
        "any": is_here,
        "performed_here": is_here,
        "referred_by_me": study == REFERRED and is_here,
        "assigned_to_me": study == ASSIGNED,
        "shared_with_me": study == SHARED,
        "linked": study == HERE,
    }[relation]


def one(study: str) -> Dataset:
    referrer = REFERRER if study == REFERRED else "Somebody^Else"
    uids = {"StudyInstanceUID": study, "SeriesInstanceUID": f"{study}.1", "SOPInstanceUID": f"{study}.1.1"}
    return instance(**uids, PatientID=study, ReferringPhysicianName=referrer)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("site") / "data") as deployment:
        for study, facility in FACILITY.items():
            deployment.keep(facility, one(study))
        yield deployment


def _account(site: Deployment, name: str, *roles: RoleAt) -> int:
    account = site.account(name, *roles, facility=NORTH, person_names=(REFERRER,))
    for kind, study in (("shared", SHARED), ("assigned", ASSIGNED)):
        new = NewShare(kind, study, to_account=account)  # type: ignore[arg-type]  # both are kinds
        site.change(lambda c, new=new: shares.give(c, new, "test", 1))  # type: ignore[misc]  # a lambda with its value
    return account


def _rules(roles: Mapping[Role, tuple[str, ...]]) -> Rules:
    return tuple((rule.actions, rule.relation, roles[rule.role]) for rule in DEFAULT if rule.role in roles)


def _linked(actions: frozenset[Action]) -> Rules:
    return ((actions, "linked", ("*",)),)


EVERYBODY = (
    *ROLES,
    "no role",
    "everywhere",
    "token to look",
    "token for the south",
    "session",
    "link",
    "link to download",
    "nobody",
)


@pytest.fixture(scope="module", params=EVERYBODY)
def who(request: pytest.FixtureRequest, site: Deployment) -> Iterator[Who]:
    made = _who(request.param, site)
    yield made
    made.client.close()


def _who(name: str, site: Deployment) -> Who:
    if name == "nobody":
        return Who(site.client(), (), "nobody")
    if name == "link":
        return Who(site.client(cookie=site.link_session(NewLink(HERE))), _linked(VIEW), "link", "local")
    if name == "link to download":
        secret = site.link_session(NewLink(HERE, allows_download=True))
        return Who(site.client(cookie=secret), _linked(DOWNLOAD), "link", "local")
    if name == "no role":
        return Who(site.client(token=site.token(_account(site, name))), (), "machine")
    if name == "everywhere":
        account = _account(site, name, RoleAt("radiologist", "*"))
        return Who(site.client(token=site.token(account)), _rules({"radiologist": ("*",)}), "machine")
    if name == "token to look":
        token = site.token(_account(site, name, RoleAt("administrator", NORTH)), "query", "read")
        rules = tuple((actions & VIEW, relation, at) for actions, relation, at in _rules({"administrator": (NORTH,)}))
        return Who(site.client(token=token), rules, "machine")
    if name == "token for the south":
        token = site.token(_account(site, name, RoleAt("service", NORTH), RoleAt("service", SOUTH)), facility=SOUTH)
        return Who(site.client(token=token), _rules({"service": (SOUTH,)}), "machine", SOUTH)
    if name == "session":
        account = _account(site, name, RoleAt("radiologist", NORTH))
        return Who(site.client(cookie=site.session(account)), _rules({"radiologist": (NORTH,)}), "person")
    role: Role = next(role for role in ROLES if role == name)
    return Who(
        site.client(token=site.token(_account(site, name, RoleAt(role, NORTH)))), _rules({role: (NORTH,)}), "machine"
    )


# The tables are complete


def test_every_route_of_dicomweb_is_in_the_table() -> None:
    assert {path: set(methods) for path, methods in ROUTES.items()} == {
        path: set(methods) for path, methods in DICOMWEB.items()
    }


def test_every_other_route_is_in_a_table(site: Deployment) -> None:
    unknown = []
    for route in site.app.asgi.routes:
        if isinstance(route, ASGIRoute):
            unknown += [] if route.path in MOUNTED or _is_public(route.path) else [route.path]
            continue
        assert isinstance(route, HTTPRoute)
        for method in route.methods - {"OPTIONS"}:
            is_page = (
                route.path in (*SIGNED_IN, *FORMS, *OF_LINKS, *VIEWER) or PERSONS_ONLY.fullmatch(route.path) is not None
            )
            is_page = is_page or route.path in STREAM or (method, route.path) in STUDY_PAGES
            if not (is_page or (method, route.path) in API or _is_public(route.path)):
                unknown.append(f"{method} {route.path}")
    assert unknown == []


def test_nothing_is_public_but_signing_in_health_and_links() -> None:
    assert set(PUBLIC) == {"/health", "/sign-in", "/sign-out", "/first-start", "/link", "/assets"}


# DICOMweb


def test_dicomweb_gives_each_what_the_policy_says(site: Deployment, who: Who) -> None:
    wrong = []
    for path, methods in DICOMWEB.items():
        for method, need in methods.items():
            wrong += [f"{method} {path}: {fault}" for fault in _faults(site, who, method, path, need)]
    assert wrong == []


def _faults(site: Deployment, who: Who, method: str, path: str, need: str) -> Iterator[str]:
    if need == "search":
        yield from _of_search(who, path)
        return
    if need == "store":
        yield from _of_store(who, path)
        return
    unseen = {}
    for study in STUDIES if path in IN_FULL else FEW:
        answer = who.client.request(method, _address(path, study))
        expected = _expected(who, need, path, study)
        if answer.status_code != expected:
            yield f"{study}: {answer.status_code}, not {expected}"
        if need == "query" and answer.status_code == 200 and bool(answers(answer)) != who.reaches("query", study):
            yield f"{study}: {len(answers(answer))} answers"
        if need == "change" and answer.status_code == 200:
            _undo(site, answer.json()["rejection"])
        if need != "signed in" and not who.reaches("query" if need == "query" else "read", study):
            unseen[_bare(answer, study)] = study
        if method == "GET" and study == THERE:
            head = who.client.head(_address(path, study)).status_code
            if head != expected:
                yield f"HEAD {study}: {head}, not {expected}"
    if len(unseen) > 1:
        yield f"unlike answers: {sorted(unseen)}"


def _action(who: Who, need: str) -> Action:
    if need == "read files":  # of a whole series or study: whoever has a share link to look gets none
        return "export" if who.kind == "link" else "read"
    action: Action = need  # type: ignore[assignment]  # the table has actions
    return action


def _expected(who: Who, need: str, path: str, study: str) -> int:
    if who.kind == "nobody":
        return 401
    if need == "signed in":
        return 200
    action = _action(who, need)
    if action == "export" and path == "/series/*" and not who.reaches("read", study):
        return 404  # its study is looked for before anything else
    if not who.may(action):
        return 403
    return 200 if who.reaches(action, study) or need == "query" else 404


def _address(path: str, study: str) -> str:
    if path == "/wado":
        uids = f"studyUID={study}&seriesUID={study}.1&objectUID={study}.1.1"
        return f"/wado?requestType=WADO&contentType=application/dicom&{uids}"
    names = {
        "studies": study,
        "series": f"{study}.1",
        "instances": f"{study}.1.1",
        "frames": "1",
        "bulkdata": "7FE00010",
    }
    filled = re.sub(r"/(\w+)/\*", lambda found: f"/{found[1]}/{names[found[1]]}", path)
    return f"/dicom-web{filled}"


def _bare(answer: httpx.Response, study: str) -> str:
    """What an answer says, without what the question said."""
    text = re.sub(r'"(request_?[iI]d|instance)":"[^"]*"', "", answer.text).replace(study, "STUDY")
    of_connection = {"connection", "content-length", "date", "x-request-id"}  # it ends where a body was not read yet
    headers = sorted(set(answer.headers) - of_connection)
    return f"{answer.status_code} {text} {headers}"


def _of_search(who: Who, path: str) -> Iterator[str]:
    answer = who.client.get(f"/dicom-web{path}?limit=1000")
    if answer.status_code != _expected(who, "query", path, HERE):
        yield f"{answer.status_code}"
    if answer.status_code != 200:
        return
    found = {one["00100020"]["Value"][0] for one in answers(who.client.get(f"/dicom-web{path}?includefield=00100020"))}
    expected = {study for study in KNOWN if who.reaches("query", study)}
    if found & set(KNOWN) != expected:
        yield f"found {found}, not {expected}"
    total = answer.headers.get("x-total-count")
    if total is not None and int(total) != len(answers(answer)):
        yield f"{total} in all, but {len(answers(answer))} answers"
    for study in KNOWN:  # by a key that only this one matches
        some = answers(who.client.get(f"/dicom-web{path}?PatientID={study}"))
        if bool(some) != (study in expected):
            yield f"{len(some)} answers for {study}"


def _of_store(who: Who, path: str) -> Iterator[str]:
    head = b"--x\r\nContent-Type: application/dicom\r\n\r\n"
    headers = {"content-type": 'multipart/related; type="application/dicom"; boundary=x'}
    for study in KNOWN:
        body = head + _file(study) + b"\r\n--x--\r\n"
        answer = who.client.post(_address(path, study), content=body, headers=headers)
        is_welcome = who.reaches("store", study) and _may_send(who)
        expected = 401 if who.kind == "nobody" else 200 if is_welcome else 409 if _may_send(who) else 403
        if answer.status_code != expected:
            yield f"{study}: {answer.status_code}, not {expected}: {answer.text[:200]}"
        if expected == 409 and answer.json()["00081198"]["Value"][0]["00081197"]["Value"] != [0x0124]:
            yield f"{study}: not Not Authorized: {answer.text[:200]}"


@cache
def _file(study: str) -> bytes:
    return file_bytes(one(study))


def _may_send(who: Who) -> bool:
    """Whether they may store anything, as from their own facility."""
    return any("store" in actions and ("*" in at or who.facility in at) for actions, _, at in who.rules)


def _undo(site: Deployment, rejection: int) -> None:
    site.run(restore(site.archive, LOCAL, rejection, deadline=soon()))


# The API


def test_the_api_gives_each_what_the_policy_says(site: Deployment, who: Who) -> None:
    wrong = []
    for (method, path), api in API.items():
        unseen = set()
        for study in STUDIES if api.is_of_study else STUDIES[:1]:
            address = _api_address(path, study if api.is_of_study else MISSING)
            body = api.body(study) if api.body is not None else None
            answer = who.client.request(method, address + api.query.format(study=study), json=body)
            if answer.status_code != _expected_of_api(who, api, study):
                wrong.append(f"{method} {path} {study}: {answer.status_code}, not {_expected_of_api(who, api, study)}")
            if (method, path) == ("POST", "/api/rejections") and answer.status_code == 201:
                _undo(site, answer.json()["id"])
            if api.action is not None and not who.reaches(api.action, study):
                unseen.add(_bare(answer, study))
        if len(unseen) > 1:
            wrong.append(f"{method} {path}: unlike answers {sorted(unseen)}")
    assert wrong == []


def _api_address(path: str, study: str) -> str:
    names = {"study": study, "role": "teacher", "relation": "assigned_to_me"}
    path = re.sub(r"\{\w+:int\}", NO_NUMBER, path)
    return re.sub(r"\{(\w+):str\}", lambda found: names.get(found[1], "none"), path)


def _expected_of_api(who: Who, api: Api, study: str) -> int:
    if who.kind == "nobody":
        return 401
    if api.of == "persons" and who.kind != "person":
        return 403
    if api.of == "accounts" and who.kind == "link":
        return 403
    if api.of == "sharers" and who.kind != "person" and not who.may("share"):
        return 403
    if api.action is None:
        return api.status
    if api.is_everywhere:
        return api.status if any(api.action in actions and at == ("*",) for actions, _, at in who.rules) else 403
    if not who.may(api.action):
        return 403
    if api.body is not None and api.action == "change" and api.status == 204 and who.is_everywhere:
        return 204  # what a patient said may come before their pictures
    return api.status if not api.is_of_study or who.reaches(api.action, study) else 404


def test_glass_is_broken_by_those_who_may(site: Deployment, who: Who) -> None:
    answer = who.client.post(f"/api/studies/{GLASS}/break-glass", json={"reason": REASON})
    expected = 401 if who.kind == "nobody" else 201 if who.may("break_glass") else 403
    assert answer.status_code == expected
    is_seen = expected == 201 or who.reaches("read", GLASS)
    shown = who.client.get(f"/dicom-web/studies/{GLASS}/metadata").status_code
    assert shown == (401 if who.kind == "nobody" else 200 if is_seen else 404 if who.may("read") else 403)


# Pages


def test_the_viewer_shows_each_what_the_policy_says(who: Who) -> None:
    wrong = []
    for path, status in VIEWER.items():
        for study in FEW:
            answer = who.client.get(_viewed(path, study))
            expected = _expected(who, "read", path, study)
            expected = status if expected == 200 else expected
            if answer.status_code != expected:
                wrong.append(f"GET {path} {study}: {answer.status_code}, not {expected}")
    assert wrong == []


def _viewed(path: str, study: str) -> str:
    path = path.replace("{study:str}", study).replace("{series:str}", f"{study}.1")
    return path.replace("{instance:str}", f"{study}.1.1")


def test_pages_of_studies_show_each_what_the_policy_says(site: Deployment, who: Who) -> None:
    wrong = []
    for (method, template), expected in STUDY_PAGES.items():
        unseen = set()
        for study in FEW if expected.is_of_study else FEW[:1]:
            path = template.replace("{uid:str}", study).replace("{number:int}", NO_NUMBER)
            path = path.replace("{what:str}", "remove")
            answer = who.client.request(method, path, headers={"sec-fetch-site": "same-origin"})
            status = _expected_of_page(who, expected, study)
            wrong += [] if answer.status_code == status else [f"{method} {path}: {answer.status_code}, not {status}"]
            if status == 404:
                unseen.add(_bare(answer, study))
            if answer.status_code == 303 and "/rejections?done=" in answer.headers["location"]:
                _undo(site, int(answer.headers["location"].partition("=")[2]))
        wrong += [f"{method} {template}: unlike answers {sorted(unseen)}"] if len(unseen) > 1 else []
    assert wrong == []


def _expected_of_page(who: Who, page: StudyPage, study: str) -> int:
    if who.kind == "nobody":
        return 401
    if page.action is None:
        return page.status
    if page.is_everywhere:
        wanted = {page.action, *page.or_else}
        return page.status if any(wanted & actions and at == ("*",) for actions, _, at in who.rules) else 403
    if not who.may(page.action):
        return 403
    return page.status if not page.is_of_study or who.reaches(page.action, study) else 404


def test_pages_are_for_those_who_are_signed_in(site: Deployment, who: Who) -> None:
    wrong = []
    for method, template in _pages(site):
        path = re.sub(r"\{\w+:\w+\}", NO_NUMBER, template)
        answer = who.client.request(method, path, headers={"sec-fetch-site": "same-origin"})
        if who.kind == "nobody":
            fine = answer.status_code == 401
        elif template in SIGNED_IN:
            fine = answer.status_code in ((404,) if NO_NUMBER in path else (200, 303))
        elif template in FORMS:
            fine = answer.status_code == 400  # nothing was filled in
        elif path in OF_LINKS:
            fine = answer.status_code == (200 if who.kind == "link" else 404)
        elif who.kind == "person":
            fine = answer.status_code not in (401, 500)
        else:
            fine = answer.status_code in (403, 404)
        wrong += [] if fine else [f"{method} {path}: {answer.status_code}"]
    assert wrong == []


def _pages(site: Deployment) -> Iterator[tuple[str, str]]:
    for route in site.app.asgi.routes:
        is_page = isinstance(route, HTTPRoute) and not _is_public(route.path) and not route.path.startswith("/api")
        if isinstance(route, HTTPRoute) and is_page and route.path not in (*VIEWER, *STREAM):
            of_route = ((method, route.path) for method in sorted(route.methods - {"OPTIONS"}))
            yield from (one for one in of_route if one not in STUDY_PAGES)
    if any(route.path == "/ohif" for route in site.app.asgi.routes):
        yield "GET", "/ohif"


def _is_public(path: str) -> bool:
    return any(path == start or path.startswith(f"{start}/") for start in PUBLIC)
