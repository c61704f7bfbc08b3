"""Who may do what to which rows: roles, permissions, grants and row scopes, declared here and nowhere else.

A route names its permission (`Slice.route(..., permission=...)`, no default). A route without one stops
the application from starting. Services load rows through `scoped()`, so that another's record looks absent.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, cast

from flask import Blueprint, Flask
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, Select, false, or_, select, true

from marketplace import regions


class Role(StrEnum):
    """Roles of DOMAIN; PUBLIC is anybody, signed in or not."""

    PUBLIC = "public"
    VOLUNTEER = "volunteer"
    CASEWORKER = "caseworker"
    CHARITY = "charity"  # staff of an organization; a manager of one holds both
    CHARITY_MANAGER = "charity_manager"
    COORDINATOR = "coordinator"
    OFFICER = "officer"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class Permission(StrEnum):
    """`resource:action`, in alphabetical order."""

    ACCOUNT_MANAGE = "account:manage"
    ACCOUNT_OWN = "account:own"
    ALLIANCE_FOUND = "alliance:found"
    ALLIANCE_MANAGE = "alliance:manage"
    ALLIANCE_VIEW = "alliance:view"
    ALLOCATION_ANSWER = "allocation:answer"
    ALLOCATION_CONFIRM = "allocation:confirm"
    ALLOCATION_DELIVER = "allocation:deliver"
    ALLOCATION_EVIDENCE = "allocation:evidence"
    ALLOCATION_PROPOSE = "allocation:propose"
    ALLOCATION_RELEASE = "allocation:release"
    ALLOCATION_VIEW = "allocation:view"
    ASSESSMENT_SIGN = "assessment:sign"
    ASSESSMENT_VIEW = "assessment:view"
    AUDIT_VIEW = "audit:view"
    CAPACITY_CONFIRM = "capacity:confirm"
    CASE_EDIT = "case:edit"
    CASE_TRIAGE = "case:triage"
    CASE_VIEW = "case:view"
    HOLD_ASK = "hold:ask"
    HOLD_DECIDE = "hold:decide"
    HOLD_RELEASE = "hold:release"
    MEMBER_MANAGE = "member:manage"
    MEMBER_VIEW = "member:view"
    NEED_POST = "need:post"
    NEED_REVIEW = "need:review"
    NEED_VIEW = "need:view"
    NEED_WITHDRAW = "need:withdraw"
    ORGANIZATION_DOCUMENTS = "organization:documents"
    OFFER_POST = "offer:post"
    OFFER_REVIEW = "offer:review"
    ORGANIZATION_EDIT = "organization:edit"
    ORGANIZATION_REGISTER = "organization:register"
    ORGANIZATION_VERIFY = "organization:verify"
    ORGANIZATION_VIEW = "organization:view"
    PERSON_REVEAL = "person:reveal"
    PROJECT_APPROVE = "project:approve"
    PROJECT_EDIT = "project:edit"
    PROJECT_VIEW = "project:view"
    PUBLIC_VIEW = "public:view"
    RUN_CANCEL = "run:cancel"
    RUN_START = "run:start"
    RUN_VIEW = "run:view"
    SEARCH_ALL = "search:all"
    WISH_CLAIM = "wish:claim"
    WISH_CLAIM_GROUP = "wish:claim-group"
    WISH_VIEW = "wish:view"


class Scope(StrEnum):
    """Which rows a grant reaches; columns named by the model's `__scope__` (see `scoped`)."""

    ALL = "all"
    REGION = "region"  # the actor's region and all below it
    ORGANIZATION = "organization"  # organizations the actor is a member of
    MANAGED = "managed"  # organizations the actor is a manager of
    OWN = "own"  # rows the actor made or holds
    PUBLIC = "public"  # rows anyone may see


_ANYONE = {
    Permission.PUBLIC_VIEW: Scope.ALL,
    Permission.WISH_VIEW: Scope.PUBLIC,
    Permission.ORGANIZATION_VIEW: Scope.PUBLIC,
    Permission.PROJECT_VIEW: Scope.PUBLIC,
    Permission.ALLIANCE_VIEW: Scope.ALL,
}
_SIGNED_IN = {Permission.ACCOUNT_OWN: Scope.OWN, Permission.ORGANIZATION_REGISTER: Scope.OWN}

GRANTS: dict[Role, dict[Permission, Scope]] = {
    Role.PUBLIC: _ANYONE,
    Role.VOLUNTEER: _ANYONE
    | _SIGNED_IN
    | {
        Permission.WISH_CLAIM: Scope.PUBLIC,
        Permission.HOLD_RELEASE: Scope.OWN,
        Permission.OFFER_POST: Scope.OWN,
        Permission.ALLOCATION_ANSWER: Scope.OWN,
        Permission.ALLOCATION_DELIVER: Scope.OWN,
        Permission.ALLOCATION_EVIDENCE: Scope.OWN,
        Permission.ALLOCATION_RELEASE: Scope.OWN,
        Permission.ALLOCATION_VIEW: Scope.OWN,
    },
    Role.CASEWORKER: _ANYONE
    | _SIGNED_IN
    | {
        Permission.ASSESSMENT_VIEW: Scope.REGION,
        Permission.CASE_VIEW: Scope.REGION,
        Permission.CASE_EDIT: Scope.REGION,
        Permission.CASE_TRIAGE: Scope.REGION,
        Permission.PERSON_REVEAL: Scope.REGION,
        Permission.HOLD_ASK: Scope.REGION,
        Permission.NEED_VIEW: Scope.REGION,
        Permission.NEED_POST: Scope.REGION,
        Permission.NEED_REVIEW: Scope.REGION,
        Permission.NEED_WITHDRAW: Scope.REGION,
        Permission.ALLOCATION_VIEW: Scope.REGION,
        Permission.ALLOCATION_CONFIRM: Scope.REGION,
        Permission.ALLOCATION_EVIDENCE: Scope.REGION,
    },
    Role.CHARITY: _ANYONE
    | _SIGNED_IN
    | {
        Permission.MEMBER_VIEW: Scope.ORGANIZATION,
        Permission.ORGANIZATION_VIEW: Scope.ORGANIZATION,
        Permission.ORGANIZATION_DOCUMENTS: Scope.ORGANIZATION,
        Permission.PROJECT_VIEW: Scope.ORGANIZATION,
        Permission.CAPACITY_CONFIRM: Scope.ORGANIZATION,
        Permission.HOLD_RELEASE: Scope.ORGANIZATION,
        Permission.ALLOCATION_VIEW: Scope.ORGANIZATION,
        Permission.ALLOCATION_ANSWER: Scope.ORGANIZATION,
        Permission.ALLOCATION_DELIVER: Scope.ORGANIZATION,
        Permission.ALLOCATION_EVIDENCE: Scope.ORGANIZATION,
        Permission.ALLOCATION_RELEASE: Scope.ORGANIZATION,
    },
    Role.CHARITY_MANAGER: _ANYONE
    | _SIGNED_IN
    | {
        Permission.ALLIANCE_MANAGE: Scope.MANAGED,
        Permission.MEMBER_MANAGE: Scope.MANAGED,
        Permission.ORGANIZATION_EDIT: Scope.MANAGED,
        Permission.PROJECT_EDIT: Scope.MANAGED,
        Permission.WISH_CLAIM_GROUP: Scope.PUBLIC,
    },
    Role.COORDINATOR: _ANYONE
    | _SIGNED_IN
    | {
        Permission.ASSESSMENT_VIEW: Scope.REGION,
        Permission.ALLIANCE_FOUND: Scope.REGION,
        Permission.ALLIANCE_MANAGE: Scope.REGION,
        Permission.HOLD_DECIDE: Scope.REGION,
        Permission.ORGANIZATION_VIEW: Scope.REGION,
        Permission.PROJECT_VIEW: Scope.REGION,
        Permission.NEED_VIEW: Scope.REGION,
        Permission.NEED_REVIEW: Scope.REGION,
        Permission.NEED_WITHDRAW: Scope.REGION,
        Permission.OFFER_REVIEW: Scope.REGION,
        Permission.RUN_VIEW: Scope.REGION,
        Permission.RUN_START: Scope.REGION,
        Permission.RUN_CANCEL: Scope.REGION,
        Permission.ALLOCATION_VIEW: Scope.REGION,
        Permission.ALLOCATION_EVIDENCE: Scope.REGION,
        Permission.ALLOCATION_PROPOSE: Scope.REGION,
        Permission.ALLOCATION_RELEASE: Scope.REGION,
        Permission.SEARCH_ALL: Scope.REGION,
    },
    Role.OFFICER: _ANYONE
    | _SIGNED_IN
    | {
        Permission.ASSESSMENT_SIGN: Scope.REGION,
        Permission.ASSESSMENT_VIEW: Scope.REGION,
        Permission.ORGANIZATION_DOCUMENTS: Scope.REGION,
        Permission.ORGANIZATION_VIEW: Scope.REGION,
        Permission.ORGANIZATION_VERIFY: Scope.REGION,
        Permission.PROJECT_VIEW: Scope.REGION,
        Permission.PROJECT_APPROVE: Scope.REGION,
        Permission.CASE_VIEW: Scope.REGION,
        Permission.CASE_TRIAGE: Scope.REGION,
        Permission.PERSON_REVEAL: Scope.REGION,
        Permission.NEED_VIEW: Scope.REGION,
        Permission.NEED_REVIEW: Scope.REGION,
        Permission.NEED_WITHDRAW: Scope.REGION,
        Permission.OFFER_REVIEW: Scope.REGION,
        Permission.RUN_VIEW: Scope.REGION,
        Permission.RUN_START: Scope.REGION,
        Permission.RUN_CANCEL: Scope.REGION,
        Permission.ALLOCATION_VIEW: Scope.REGION,
        Permission.ALLOCATION_CONFIRM: Scope.REGION,
        Permission.ALLOCATION_EVIDENCE: Scope.REGION,
        Permission.SEARCH_ALL: Scope.REGION,
    },
    Role.AUDITOR: _ANYONE
    | _SIGNED_IN
    | {
        Permission.ASSESSMENT_VIEW: Scope.ALL,
        Permission.ORGANIZATION_VIEW: Scope.ALL,
        Permission.PROJECT_VIEW: Scope.ALL,
        Permission.NEED_VIEW: Scope.ALL,
        Permission.RUN_VIEW: Scope.ALL,
        Permission.ALLOCATION_VIEW: Scope.ALL,
        Permission.AUDIT_VIEW: Scope.ALL,
    },
    Role.ADMINISTRATOR: _ANYONE
    | _SIGNED_IN
    | {
        Permission.ACCOUNT_MANAGE: Scope.ALL,
        Permission.ASSESSMENT_VIEW: Scope.ALL,
        Permission.ALLIANCE_FOUND: Scope.ALL,
        Permission.ALLIANCE_MANAGE: Scope.ALL,
        Permission.ORGANIZATION_DOCUMENTS: Scope.ALL,
        Permission.ORGANIZATION_VIEW: Scope.ALL,
        Permission.ORGANIZATION_VERIFY: Scope.ALL,
        Permission.PROJECT_VIEW: Scope.ALL,
        Permission.PROJECT_APPROVE: Scope.ALL,
        Permission.NEED_VIEW: Scope.ALL,
        Permission.RUN_VIEW: Scope.ALL,
        Permission.ALLOCATION_VIEW: Scope.ALL,
        Permission.AUDIT_VIEW: Scope.ALL,
        Permission.SEARCH_ALL: Scope.ALL,
    },
}


ROLE_NAMES = {
    Role.VOLUNTEER: _("Volunteer"),
    Role.CASEWORKER: _("Caseworker"),
    Role.CHARITY: _("Charity"),
    Role.CHARITY_MANAGER: _("Charity manager"),
    Role.COORDINATOR: _("Coordinator"),
    Role.OFFICER: _("Civil-affairs officer"),
    Role.AUDITOR: _("Auditor"),
    Role.ADMINISTRATOR: _("Administrator"),
}


@dataclass(frozen=True)
class Actor:
    """Who is acting, frozen at the start of a request or command; never a database row.

    Attributes:
        user_id: primary key, None for the public and for the system itself.
        roles: always includes Role.PUBLIC.
        region: GB/T 2260 code that a staff member serves; the row scope is its subtree.
        organization_ids: organizations the user is a member of.
        managed_ids: those of them that the user is a manager of.
        display_name: shown in the header; never stored or logged.
        system: a command or the worker; holds every permission on every row, named in the audit.
    """

    user_id: int | None = None
    roles: frozenset[Role] = frozenset({Role.PUBLIC})
    region: str | None = None
    organization_ids: frozenset[int] = frozenset()
    managed_ids: frozenset[int] = frozenset()
    display_name: str = field(default="", repr=False, compare=False)
    system: str | None = None

    @property
    def signed_in(self) -> bool:
        return self.user_id is not None

    @property
    def role_names(self) -> list[str]:
        """Roles for the header, in the language of the page."""
        return [str(ROLE_NAMES[role]) for role in Role if role in self.roles and role is not Role.PUBLIC]

    @property
    def key(self) -> str:
        """Opaque name of who acts, for columns like need.author: user:12, or the system process."""
        return f"user:{self.user_id}" if self.user_id is not None else f"system:{self.system or 'anyone'}"

    def scopes(self, permission: Permission) -> frozenset[Scope]:
        """Scopes under which the actor holds a permission; empty means none."""
        if self.system:
            return frozenset({Scope.ALL})
        return frozenset(scope for role in self.roles if (scope := GRANTS[role].get(permission)))

    def may(self, permission: Permission) -> bool:
        return bool(self.scopes(permission))


ANYONE = Actor()


def system_actor(name: str) -> Actor:
    """The actor of a command or job, e.g. system_actor("import")."""
    return Actor(system=name)


def within(column: Any, code: str) -> ColumnElement[bool]:
    """Whether a column of region codes names a region or one below it.

    A county is asked for by its code, for which an index serves. Wider regions are most of a table: an index on the
    column would only lead away from one that gives the order of the list, so the form is one that none serves.
    """
    start = regions.prefix(code)
    if len(start) == 6:
        return cast("ColumnElement[bool]", column == start)
    return cast("ColumnElement[bool]", column.startswith(start, autoescape=True))


def row_filter(model: Any, actor: Actor, permission: Permission) -> ColumnElement[bool]:
    """The rows of a model that an actor's grants of a permission reach, as an SQL condition.

    The model names its columns in `__scope__`: {"region": column, "organization": column, "own": column}
    and may define `public_rows()` for Scope.PUBLIC. A scope the model has no column for reaches nothing.
    """
    columns: dict[str, str] = model.__scope__
    reached: list[ColumnElement[bool]] = []
    for scope in actor.scopes(permission):
        if scope is Scope.ALL:
            return true()
        if scope is Scope.REGION and actor.region and "region" in columns:
            column = getattr(model, columns["region"])
            reached.append(within(column, actor.region))
        elif scope is Scope.ORGANIZATION and actor.organization_ids and "organization" in columns:
            reached.append(getattr(model, columns["organization"]).in_(actor.organization_ids))
        elif scope is Scope.MANAGED and actor.managed_ids and "organization" in columns:
            reached.append(getattr(model, columns["organization"]).in_(actor.managed_ids))
        elif scope is Scope.OWN and actor.user_id is not None and "own" in columns:
            reached.append(getattr(model, columns["own"]) == actor.user_id)
        elif scope is Scope.PUBLIC and hasattr(model, "public_rows"):
            reached.append(model.public_rows())
    return or_(*reached) if reached else false()


def scoped(model: Any, actor: Actor, permission: Permission) -> Select[Any]:
    """SELECT of the rows of a model that the actor may reach with this permission."""
    return select(model).where(row_filter(model, actor, permission))


def may_reach(actor: Actor, permission: Permission, row: Any) -> bool:
    """Whether a loaded row is one that the actor's grants of a permission reach (buttons, links)."""
    columns: dict[str, str] = type(row).__scope__
    for scope in actor.scopes(permission):
        if scope is Scope.ALL:
            return True
        if scope is Scope.REGION and actor.region and "region" in columns:
            if str(getattr(row, columns["region"]) or "").startswith(regions.prefix(actor.region)):
                return True
        elif scope is Scope.ORGANIZATION and "organization" in columns:
            if getattr(row, columns["organization"]) in actor.organization_ids:
                return True
        elif scope is Scope.MANAGED and "organization" in columns:
            if getattr(row, columns["organization"]) in actor.managed_ids:
                return True
        elif scope is Scope.OWN and actor.user_id is not None and "own" in columns:
            if getattr(row, columns["own"]) == actor.user_id:
                return True
        elif scope is Scope.PUBLIC and getattr(row, "is_public", False):
            return True
    return False


class Slice(Blueprint):
    """A blueprint on which every route must name the permission it needs."""

    def route(  # type: ignore[override]  # narrower on purpose: `permission` has no default
        self, rule: str, *, permission: Permission, **options: Any
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def register(view: Callable[..., Any]) -> Callable[..., Any]:
            endpoint = options.pop("endpoint", view.__name__)
            self.record(lambda setup: declare(cast("Flask", setup.app), f"{self.name}.{endpoint}", permission))
            self.add_url_rule(rule, endpoint, view, **options)
            return view

        return register


def declared(app: Flask) -> dict[str, Permission]:
    """Endpoint -> permission of an application."""
    table: dict[str, Permission] = app.extensions.setdefault("marketplace.permissions", {})
    return table


def declare(app: Flask, endpoint: str, permission: Permission) -> None:
    """Declare an endpoint that a library registered (sign-in, static files)."""
    if declared(app).get(endpoint, permission) is not permission:
        raise ValueError(f"{endpoint} is declared twice with different permissions")
    declared(app)[endpoint] = permission


def check_every_route_is_declared(app: Flask) -> None:
    """Refuse to start an application with a route that names no permission."""
    missing = sorted({rule.endpoint for rule in app.url_map.iter_rules()} - set(declared(app)))
    if missing:
        raise RuntimeError(f"routes without a declared permission: {', '.join(missing)}")
