"""One record of each kind for walks over every route, and the people who walk."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from flask import Flask
from werkzeug.routing import Rule

from marketplace.accounts.models import User
from marketplace.permissions import Role
from tests.support.held import a_release, an_exception
from tests.support.past import a_backtest
from tests.support.world import (
    DAWUKOU,
    a_capacity,
    a_case,
    a_case_proposal,
    a_document,
    a_need,
    a_notice,
    a_package,
    a_photo,
    a_project,
    a_run,
    a_team_member,
    a_user,
    a_visit,
    a_volunteers_offer,
    a_wish,
    an_alliance,
    an_allocation,
    an_assessment,
    an_invitation,
    an_organization,
)

#: First part of an address -> kind of record that its `public_id` names.
SUBJECTS = {"organizations": "organization", "projects": "project", "capacity": "capacity"}
#: Signing out and leaving end what the walk needs; Flask-Security's own file route serves nothing of ours.
LEFT_OUT = {"security.logout", "accounts.end_sessions", "organizations.leave", "security.static", "static"}


@dataclass(frozen=True)
class Named:
    """What an address names that has no scope of its own: a member of an organization, or the token of a link."""

    public_id: str
    organization: Any = None


@dataclass(frozen=True)
class Closed:
    """What an address names that is for the care team of a case alone: no grant reaches it."""

    public_id: str
    __scope__: ClassVar[dict[str, str]] = {}  # no column is a row scope


class Records:
    """One record of each kind, keyed by the argument that addresses names it with; made when first asked for."""

    def __init__(self, makers: dict[str, Callable[[], Any]]) -> None:
        self._makers = {name: cache(maker) for name, maker in makers.items()}

    def make_all(self) -> None:
        for maker in self._makers.values():
            maker()

    def made(self, name: str) -> Any:
        """The record that an argument names."""
        return self._makers[name]()

    def _named(self, rule: Rule) -> dict[str, Any]:
        """The record behind each argument; a plain `public_id` is of the kind that the address begins with."""
        found = {}
        for name in rule.arguments:
            key = f"{SUBJECTS.get(rule.rule.split('/')[1], '')}_id" if name == "public_id" else name
            assert key in self._makers, f"{rule.rule}: the walk has no record for {name}; add one"
            found[name] = self._makers[key]()
        return found

    def row(self, rule: Rule) -> Any:
        """The record that a route is about: the one its last argument names."""
        named = self._named(rule)
        return named[max(named, key=lambda name: rule.rule.index(f"{name}>"))] if named else None

    def values(self, rule: Rule) -> dict[str, str]:
        return {
            name: getattr(row, "slug" if name == "slug" else "public_id") for name, row in self._named(rule).items()
        }


def records_of(region: str, *, claimant: User | None, public: bool, organization: Any = None) -> Records:
    supplier = cache(
        lambda: organization or an_organization(region=region, state="verified" if public else "registered")
    )
    project = cache(lambda: a_project(supplier(), state="open" if public else "draft"))
    capacity = cache(lambda: a_capacity(project()))
    case = cache(lambda: a_case(region))
    alliance = cache(lambda: an_alliance(region))

    @cache
    def allocation() -> Any:
        """A volunteer's own claim, or what a supplier accepted."""
        if claimant:
            return an_allocation(a_wish(case()), None, claimant_id=claimant.id, state="accepted")
        return an_allocation(a_need(case()), capacity(), state="accepted")

    return Records(
        {
            "organization_id": supplier,
            "project_id": project,
            "capacity_id": capacity,
            "case_id": case,
            "person_id": lambda: case().people[0],
            "consent_id": lambda: case().consents[0],
            "need_id": lambda: a_need(case()),
            "wish_id": lambda: a_wish(case()) if public else a_wish(case(), state="review", approved_by=None),
            "allocation_id": allocation,
            "evidence_id": lambda: a_photo(allocation()),
            "follow_up_id": lambda: a_visit(an_allocation(a_need(case()), capacity(), state="confirmed")),
            "notice_id": lambda: a_notice(claimant or a_user(Role.VOLUNTEER)),
            "run_id": lambda: a_run(region),
            "trial_id": lambda: a_run(region, trial=True),
            "slug": alliance,
            "package_id": lambda: a_package(alliance()),
            "document_id": lambda: a_document(supplier()),
            "invitation_id": lambda: an_invitation(supplier()),
            "first_invitation_id": lambda: Named(an_invitation(supplier()).public_id, supplier()),
            "member_id": lambda: Named(a_user(organization=supplier()).public_id, supplier()),
            "teammate_id": lambda: Named(a_team_member(case()).public_id, case()),
            "token": lambda: Named("forged"),  # a link opens for nobody who was not sent it
            "offer_id": lambda: a_volunteers_offer(claimant, region=region),
            "proposal_id": lambda: Closed(a_case_proposal(a_need(case()), capacity()).public_id),
            "backtest_id": lambda: a_backtest(region),
            "release_id": lambda: a_release(capacity()),
            "exception_id": lambda: an_exception(a_need(case())),
            "assessment_id": lambda: an_assessment(region, state="draft"),
            "account_id": lambda: a_user(Role.CASEWORKER, region=region),
        }
    )


def rules(app: Flask) -> Iterator[tuple[Rule, str]]:
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, rule.endpoint)):
        if rule.endpoint not in LEFT_OUT:
            for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                yield rule, method


def person_of(role: Role, organization: Any) -> User | None:
    if role is Role.PUBLIC:
        return None
    if role in (Role.CHARITY, Role.CHARITY_MANAGER):
        position = "manager" if role is Role.CHARITY_MANAGER else "staff"
        return a_user(region=DAWUKOU, organization=organization, position=position)
    return a_user(role, region=DAWUKOU)
