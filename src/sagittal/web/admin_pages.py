"""Administration at `/admin`: people, network, what was handed out, storage, ledger, settings."""

from typing import Any, Final, NamedTuple

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from sagittal.access.accounts import NewAccount
from sagittal.access.administering import Administering
from sagittal.access.devices import NewDevice
from sagittal.access.permits import may_at
from sagittal.archive.archive import Archive
from sagittal.audit.acts import EVENTS
from sagittal.audit.searching import Search, search
from sagittal.errors import Invalid
from sagittal.lifecycle.storage import storage
from sagittal.retrieve.sending import Sending
from sagittal.runtime.actor import ACTIONS, RELATIONS, ROLES, Action, Actor
from sagittal.runtime.deadline import Deadline
from sagittal.runtime.settings import RoleAt, Settings, describe, parse_role
from sagittal.web.forms import Form, form_of
from sagittal.web.pages import AnyRequest, actor_of, leave_to, page
from sagittal.web.places import ADMIN, QUARANTINE
from sagittal.web.wording import _

_TIMEOUT_S: Final = 30.0
_LINES: Final = 100


class Tab(NamedTuple):
    """A page of administration, and what it takes."""

    path: str
    title: str
    action: Action


class Admin(NamedTuple):
    """What the pages work with."""

    archive: Archive
    administering: Administering
    sending: Sending
    settings: Settings


def admin_pages(admin: Admin) -> list[HTTPRouteHandler]:
    """The routes."""

    @get(ADMIN)
    async def first(request: AnyRequest) -> Response[str]:
        """The first page that they may see."""
        tabs = tabs_of(actor_of(request))
        if not tabs:
            admin.administering.require(actor_of(request), "manage")
        return leave_to(tabs[0].path)

    return [first, *_people(admin), *_network(admin), *_handed_out(admin), *_told(admin)]


def tabs_of(actor: Actor) -> list[Tab]:
    """The pages that somebody may see."""
    tabs = (
        Tab(f"{ADMIN}/people", _("People"), "manage"),
        Tab(f"{ADMIN}/roles", _("Roles"), "manage"),
        Tab(f"{ADMIN}/network", _("Network"), "configure"),
        Tab(f"{ADMIN}/handed-out", _("Tokens and links"), "manage"),
        Tab(QUARANTINE, _("Quarantine"), "change"),
        Tab(f"{ADMIN}/storage", _("Storage"), "configure"),
        Tab(f"{ADMIN}/ledger", _("Ledger"), "audit"),
        Tab(f"{ADMIN}/settings", _("Settings"), "configure"),
    )
    return [tab for tab in tabs if may_at(actor, tab.action, "*")]


def _shown(request: AnyRequest, tab: str, **values: object) -> Response[str]:
    said: dict[str, object] = {"tabs": tabs_of(actor_of(request)), "tab": f"{ADMIN}/{tab}", "here": ADMIN}
    return page(request, f"admin_{tab.replace('-', '_')}.html", values=said | values)


def _people(admin: Admin) -> list[HTTPRouteHandler]:
    doing, people_at = admin.administering, f"{ADMIN}/people"

    @get(people_at)
    async def people(request: AnyRequest) -> Response[str]:
        """The accounts."""
        found = await doing.people(actor_of(request))
        return _shown(request, "people", people=found, roles=ROLES, me=actor_of(request).account)

    @post(people_at)
    async def add(request: AnyRequest) -> Response[str]:
        """Makes an account."""
        doing.require(actor_of(request), "manage")
        form = await form_of(request)
        role = RoleAt(*parse_role(f"{form.one('role')}@{form.one('facility') or '*'}", "role"))
        home = role.facility if role.facility != "*" else "local"
        new = NewAccount(form.one("name").strip(), full_name=form.one("full_name").strip(), facility=home)
        await doing.add_account(actor_of(request), new, form.one("password"), (role,))
        return leave_to(people_at)

    @post(f"{people_at}/{{number:int}}/disable")
    async def disable(request: AnyRequest, number: FromPath[int]) -> Response[str]:
        """Takes an account out of use."""
        await doing.set_disabled(actor_of(request), number, is_disabled=True)
        return leave_to(people_at)

    @post(f"{people_at}/{{number:int}}/enable")
    async def enable(request: AnyRequest, number: FromPath[int]) -> Response[str]:
        """Takes an account into use again."""
        await doing.set_disabled(actor_of(request), number, is_disabled=False)
        return leave_to(people_at)

    @post(f"{people_at}/{{number:int}}/roles")
    async def roles(request: AnyRequest, number: FromPath[int]) -> Response[str]:
        """Gives an account other roles, a line each: `radiologist@north`."""
        said = (await form_of(request)).one("roles")
        given = [parse_role(line.strip(), "roles") for line in said.splitlines()[:50] if line.strip()]
        await doing.set_roles(actor_of(request), number, given)
        return leave_to(people_at)

    @post(f"{people_at}/{{number:int}}/password")
    async def password(request: AnyRequest, number: FromPath[int]) -> Response[str]:
        """Gives an account a password that is to be changed at once."""
        await doing.set_password(actor_of(request), number, (await form_of(request)).one("password"))
        return leave_to(people_at)

    @get(f"{ADMIN}/roles")
    async def rules(request: AnyRequest) -> Response[str]:
        """What each role may."""
        found = await doing.rules(actor_of(request))
        may_change = may_at(actor_of(request), "configure", "*")
        return _shown(request, "roles", rules=found, every=ACTIONS, relations=RELATIONS, may_change=may_change)

    @post(f"{ADMIN}/roles")
    async def change_rule(request: AnyRequest) -> Response[str]:
        """Changes what a role may."""
        form = await form_of(request)
        await doing.change_rule(actor_of(request), form.one("role"), form.one("relation"), form.many("may"))
        return leave_to(f"{ADMIN}/roles")

    return [people, add, disable, enable, roles, password, rules, change_rule]


def _network(admin: Admin) -> list[HTTPRouteHandler]:
    doing, network_at = admin.administering, f"{ADMIN}/network"

    @get(network_at)
    async def network(request: AnyRequest) -> Response[str]:
        """Facilities, devices and destinations."""
        found = await doing.network(actor_of(request))
        return _shown(request, "network", network=found, roles=ROLES, destinations=admin.settings.destinations)

    @post(f"{network_at}/facilities")
    async def add_facility(request: AnyRequest) -> Response[str]:
        """Makes a facility."""
        form = await form_of(request)
        called = form.one("called").replace(",", " ").split()
        await doing.add_facility(actor_of(request), form.one("name").strip(), form.one("title").strip(), called)
        return leave_to(network_at)

    @post(f"{network_at}/facilities/remove")
    async def remove_facility(request: AnyRequest) -> Response[str]:
        """Takes a facility away."""
        await doing.remove_facility(actor_of(request), (await form_of(request)).one("name"))
        return leave_to(network_at)

    @post(f"{network_at}/devices")
    async def add_device(request: AnyRequest) -> Response[str]:
        """Makes a device known."""
        await doing.add_device(actor_of(request), _device(await form_of(request)))
        return leave_to(network_at)

    @post(f"{network_at}/devices/{{number:int}}/{{what:str}}")
    async def change_device(request: AnyRequest, number: FromPath[int], what: FromPath[str]) -> Response[str]:
        """Lets a device in no more (`disable`), again (`enable`), or forgets it (`remove`)."""
        actor = actor_of(request)
        if what == "remove":
            await doing.remove_device(actor, number)
        elif what in ("disable", "enable"):
            await doing.set_device_disabled(actor, number, is_disabled=what == "disable")
        else:
            raise Invalid("a device is disabled, enabled or removed")
        return leave_to(network_at)

    @post(f"{network_at}/echo", status_code=200)
    async def echo(request: AnyRequest) -> Response[str]:
        """Asks a destination whether it is there (C-ECHO)."""
        doing.require(actor_of(request), "configure")
        aet = (await form_of(request)).one("aet")
        why = await admin.sending.echo(aet)
        found = await doing.network(actor_of(request))
        values = {"network": found, "roles": ROLES, "destinations": admin.settings.destinations}
        return _shown(request, "network", **values, asked=aet, why=why)

    return [network, add_facility, remove_facility, add_device, change_device, echo]


def _device(form: Form) -> NewDevice:
    return NewDevice(
        form.one("aet").strip(),
        form.one("facility").strip() or "local",
        form.one("role"),
        tuple(form.one("addresses").replace(",", " ").split()),
        form.one("certificate").strip(),
    )


def _handed_out(admin: Admin) -> list[HTTPRouteHandler]:
    doing, at = admin.administering, f"{ADMIN}/handed-out"

    @get(at)
    async def handed_out(request: AnyRequest) -> Response[str]:
        """Tokens and links that are good."""
        return _shown(request, "handed-out", handed=await doing.handed_out(actor_of(request)))

    @post(f"{at}/tokens/{{number:int}}/revoke")
    async def revoke_token(request: AnyRequest, number: FromPath[int]) -> Response[str]:
        """Makes a token void."""
        await doing.revoke_token(actor_of(request), number)
        return leave_to(at)

    @post(f"{at}/links/{{number:int}}/revoke")
    async def revoke_link(request: AnyRequest, number: FromPath[int]) -> Response[str]:
        """Makes a link void."""
        await doing.revoke_link(actor_of(request), number)
        return leave_to(at)

    return [handed_out, revoke_token, revoke_link]


def _told(admin: Admin) -> list[HTTPRouteHandler]:
    @get(f"{ADMIN}/storage")
    async def room(request: AnyRequest) -> Response[str]:
        """How much is kept, and how much room is left."""
        found = await storage(admin.archive, actor_of(request), Deadline.after(_TIMEOUT_S))
        return _shown(request, "storage", storage=found)

    @get(f"{ADMIN}/settings")
    async def settings(request: AnyRequest) -> Response[str]:
        """What is in force. Secrets are in files and never here."""
        admin.administering.require(actor_of(request), "configure")
        values: dict[str, Any] = msgspec.to_builtins(admin.settings)  # Any: values of every type
        rows = [(one, _value(values[one.name])) for one in describe()]
        return _shown(request, "settings", rows=rows)

    @get(f"{ADMIN}/ledger")
    async def ledger(request: AnyRequest, before: FromQuery[int] = 0) -> Response[str]:
        """The newest lines of the ledger."""
        return await found(request, Search(before_seq=before or None))

    @post(f"{ADMIN}/ledger", status_code=200)
    async def searched(request: AnyRequest) -> Response[str]:
        """Lines by who, what and of which study."""
        form = await form_of(request)
        wanted = Search(
            actor=form.one("actor").strip(),
            kind=form.one("kind"),
            study_instance_uid=form.one("study").strip(),
            facility=form.one("facility").strip(),
            before_seq=form.number("before") or None,
        )
        return await found(request, wanted)

    async def found(request: AnyRequest, wanted: Search) -> Response[str]:
        await admin.administering.read_ledger(actor_of(request))
        lines = await search(admin.archive.records, wanted, _LINES)
        last = lines[-1].seq if len(lines) == _LINES else 0
        return _shown(request, "ledger", lines=lines, wanted=wanted, kinds=sorted(EVENTS), last=last)

    return [room, settings, ledger, searched]


def _value(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
