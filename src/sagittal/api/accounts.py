"""`/api/accounts`, `/api/roles`: who may sign in here, and what each role may."""

from typing import Annotated

import msgspec
from litestar import Response, get, patch, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody

from sagittal.access.accounts import MOST_NAME_CHARACTERS, Account, NewAccount
from sagittal.access.administering import Administering
from sagittal.api.asking import AnyRequest, Cursor, Id, Limit, Made, actor_of, page_of, time_of
from sagittal.errors import NotFound
from sagittal.runtime.actor import ACTIONS, Action, Relation, Role
from sagittal.runtime.settings import RoleAt

_Password = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
_Place = Annotated[str, msgspec.Meta(min_length=1, max_length=32)]


class RoleHeld(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A role at a facility.

    Attributes:
        facility: its name; `*` for every one.
    """

    role: Role
    facility: _Place = "*"


_Roles = Annotated[list[RoleHeld], msgspec.Meta(max_length=50)]


class NewAccountBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An account that is to be made.

    Attributes:
        name: what its owner signs in with.
        password: to begin with; it is to be changed at the first sign-in.
        full_name: what they are called.
        facility: the one they belong to.
        roles: what they are to which facility.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_NAME_CHARACTERS)]
    password: _Password
    full_name: Annotated[str, msgspec.Meta(max_length=256)] = ""
    facility: _Place = "local"
    roles: _Roles = []


class AccountShown(msgspec.Struct, frozen=True, kw_only=True):
    """An account.

    Attributes:
        name: what its owner signs in with.
        full_name: what they are called.
        person_names: DICOM person names by which studies are referred to them.
        facility: the one they belong to.
        is_disabled: nobody signs in with it, and nothing it handed out is good.
        must_change_password: at the next sign-in, before anything else.
        has_password: whether there is one; accounts of an OpenID provider have none.
        is_of_provider: whether an OpenID provider vouches for it.
        created: ISO 8601 in UTC.
        signed_in: the last time; `""` for never.
    """

    id: int
    name: str
    full_name: str
    person_names: list[str]
    facility: str
    roles: list[RoleHeld]
    is_disabled: bool
    must_change_password: bool
    has_password: bool
    is_of_provider: bool
    created: str
    signed_in: str


class AccountsPage(msgspec.Struct, frozen=True):
    """Accounts by number.

    Attributes:
        next: to be given as `cursor` for the next page; null if this is the last.
        facilities: names of those that roles can be at.
    """

    accounts: list[AccountShown]
    next: int | None
    facilities: list[str]


class AccountChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What changes of an account."""

    is_disabled: bool


class RolesBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The roles of an account."""

    roles: _Roles


class PasswordBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A password that is to be changed at the next sign-in."""

    password: _Password


class RuleShown(msgspec.Struct, frozen=True):
    """What a role may do to the studies that its bearer stands in a relation to."""

    role: Role
    relation: Relation
    may: list[Action]


class Rules(msgspec.Struct, frozen=True):
    """The policy in force; what no rule allows is refused."""

    rules: list[RuleShown]


class RuleBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a role may do; nothing, if it is empty."""

    may: Annotated[list[Action], msgspec.Meta(max_length=len(ACTIONS))]


def account_routes(doing: Administering) -> list[HTTPRouteHandler]:
    """The routes, to be mounted under `/api`."""
    return [*_list_routes(doing), *_change_routes(doing), *_role_routes(doing)]


def _list_routes(doing: Administering) -> list[HTTPRouteHandler]:
    @get("/accounts", takes="manage", everywhere=True)
    async def listed(request: AnyRequest, limit: FromQuery[Limit] = 100, cursor: FromQuery[Cursor] = 0) -> AccountsPage:
        """Lists the accounts."""
        people = await doing.people(actor_of(request))
        page, after = page_of(people.accounts, lambda one: one.id, cursor, limit)
        return AccountsPage([_shown(one) for one in page], after, list(people.facilities))

    @get("/accounts/{account:int}", takes="manage", everywhere=True)
    async def one(request: AnyRequest, account: FromPath[Id]) -> AccountShown:
        """Shows an account."""
        for found in (await doing.people(actor_of(request))).accounts:
            if found.id == account:
                return _shown(found)
        raise NotFound(f"no account has the number {account}")

    @post("/accounts", takes="manage", everywhere=True, faults=(409,), location=True)
    async def add(request: AnyRequest, data: JSONBody[NewAccountBody]) -> Response[Made]:
        """Makes an account.

        Its owner changes the password at the first sign-in.
        """
        new = NewAccount(data.name.strip(), full_name=data.full_name.strip(), facility=data.facility)
        number = await doing.add_account(actor_of(request), new, data.password, _roles(data.roles))
        return Response(Made(number), headers={"location": f"/api/accounts/{number}"})

    return [listed, one, add]


def _change_routes(doing: Administering) -> list[HTTPRouteHandler]:
    @patch("/accounts/{account:int}", status_code=204, takes="manage", everywhere=True)
    async def change(request: AnyRequest, account: FromPath[Id], data: JSONBody[AccountChange]) -> None:
        """Takes an account out of use, or into use again.

        Its sessions end, and its tokens and links are not good meanwhile. The last administrator stays.
        """
        await doing.set_disabled(actor_of(request), account, is_disabled=data.is_disabled)

    @put("/accounts/{account:int}/roles", status_code=204, takes="manage", everywhere=True)
    async def roles(request: AnyRequest, account: FromPath[Id], data: JSONBody[RolesBody]) -> None:
        """Gives an account these roles.

        In the place of those that it had from here; what an OpenID provider says stays.
        """
        await doing.set_roles(actor_of(request), account, _roles(data.roles))

    @put("/accounts/{account:int}/password", status_code=204, takes="manage", everywhere=True)
    async def password(request: AnyRequest, account: FromPath[Id], data: JSONBody[PasswordBody]) -> None:
        """Gives an account a password.

        It is to be changed at the next sign-in; its sessions end.
        """
        await doing.set_password(actor_of(request), account, data.password)

    return [change, roles, password]


def _role_routes(doing: Administering) -> list[HTTPRouteHandler]:
    @get("/roles", takes="manage", everywhere=True)
    async def rules(request: AnyRequest) -> Rules:
        """Shows what each role may."""
        found = await doing.rules(actor_of(request))
        return Rules([RuleShown(one.role, one.relation, sorted(one.actions)) for one in found])

    @put("/roles/{role:str}/{relation:str}", status_code=204, takes="configure", everywhere=True)
    async def change(
        request: AnyRequest, role: FromPath[Role], relation: FromPath[Relation], data: JSONBody[RuleBody]
    ) -> None:
        """Changes what a role may do to studies that its bearer stands in a relation to.

        It is in force at once. What a share link allows (`linked`) is said when it is made.
        """
        await doing.change_rule(actor_of(request), role, relation, data.may)

    return [rules, change]


def _roles(held: list[RoleHeld]) -> list[RoleAt]:
    return [RoleAt(one.role, one.facility) for one in held]


def _shown(account: Account) -> AccountShown:
    return AccountShown(
        id=account.id,
        name=account.name,
        full_name=account.full_name,
        person_names=list(account.person_names),
        facility=account.facility,
        roles=[RoleHeld(one.role, one.facility) for one in account.roles],
        is_disabled=account.is_disabled,
        must_change_password=account.must_change_password,
        has_password=account.has_password,
        is_of_provider=bool(account.oidc[0]),
        created=time_of(account.created_ns),
        signed_in=time_of(account.signed_in_ns),
    )
