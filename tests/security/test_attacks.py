"""Attacks of people who are signed in: fields that no form has, ids of others' records, keys and links of others.

The attackers are a volunteer, the manager of a charity, a caseworker and a coordinator of another county. Everything
that they try must leave what they attack as it was.
"""

import re
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, inspect, select

from marketplace import signing
from marketplace.accounts.models import RoleRow, User
from marketplace.allocations.models import Allocation, AnswerLink
from marketplace.cases.models import TEAM_LEADS
from marketplace.extensions import db
from marketplace.matches.models import MatchRun
from marketplace.needs.models import Need
from marketplace.permissions import Role
from marketplace.projects.models import Project
from marketplace.records import now
from tests.support.client import Browser
from tests.support.held import a_release
from tests.support.world import (
    DAWUKOU,
    XINGQING,
    a_capacity,
    a_case,
    a_need,
    a_package,
    a_project,
    a_run,
    a_team_member,
    a_user,
    a_wish,
    an_allocation,
    an_organization,
    in_days,
    save,
)

#: Names of columns that no form of a record's own editor has; a form that reads one of them would be a hole.
PRIVILEGED = {
    "id": "1", "public_id": "0" * 32, "state": "open", "region": XINGQING, "organization_id": "1", "owner_id": "1",
    "claimant_id": "1", "allocated": "0", "approved_by": "user:1", "reviewed_by": "user:1", "author": "user:999",
    "restricted": "", "is_admin": "y", "roles": "administrator", "active": "y", "created_at": "2000-01-01",
    "source": "run", "fit": "10000", "run_id": "1", "internal_only": "", "hidden_on": "", "confirmed_on": "2030-01-01",
    "verified_on": "2030-01-01", "position": "manager", "share_consent_on": "2000-01-01", "wish": "y", "code": "1",
}  # fmt: skip


@dataclass
class Field:
    """Two counties: what is attacked lives in one, whoever attacks serves the other or another organization."""

    victim_org: Any
    project: Any
    capacity: Any
    need: Any
    wish: Any
    proposal: Any
    own_org: Any
    own_capacity: Any
    own_proposal: Any
    manager: User


@pytest.fixture
def field(app: Flask) -> Field:
    victim, own = an_organization(), an_organization()
    project = a_project(victim)
    capacity, own_capacity = a_capacity(project), a_capacity(a_project(own))
    case = a_case()
    return Field(
        victim, project, capacity, a_need(case), a_wish(case), an_allocation(a_need(case), capacity), own, own_capacity,
        an_allocation(a_need(case), own_capacity), a_user(organization=own),
    )  # fmt: skip


def _row(row: Any) -> dict[str, Any]:
    """The columns of a record as they are stored now."""
    stored = db.session.get_one(type(row), inspect(row).identity, populate_existing=True)
    values = {column.key: str(getattr(stored, column.key)) for column in inspect(type(row)).columns}
    db.session.rollback()
    return values


# --- fields that no form has ---------------------------------------------------------------------------------------


def test_fields_that_no_form_has_change_nothing(client: Browser, field: Field) -> None:
    """Beside honest values: only what the form names may change."""
    volunteer, worker = a_user(Role.VOLUNTEER, region=None), a_user(Role.CASEWORKER)
    draft = a_need(state="draft")
    own_project = a_project(field.own_org, state="draft")
    tries: list[tuple[User, Any, str, dict[str, Any], set[str]]] = [
        (field.manager, field.own_proposal, "accept", {}, {"state", "accepted_at", "answered_by", "delivering"}),
        (field.manager, own_project, "edit", {"title": "冬天的衣服", "funding": "charity", "version": "1"}, {"title"}),
        (
            field.manager,
            field.own_org,
            "edit",
            {"name": "新名", "kind": "charity", "region": DAWUKOU, "version": "1", "credit_code": "91350100M000100Y43"},
            {"name", "version"},
        ),
        (
            worker,
            draft,
            "edit",
            {"title": "另一套", "quantity": "2", "kind": "goods", "category": "S1102"},
            {"title", "author"},
        ),
        (volunteer, field.wish, "claim", {}, {"allocated", "version"}),
    ]
    folder = {Allocation: "allocations", Project: "projects", Need: "needs"}
    for who, row, action, honest, may_change in tries:
        before = _row(row)
        kind = "wishes" if action == "claim" else folder.get(type(row), "organizations")
        extra = {name: value for name, value in PRIVILEGED.items() if name not in honest}
        answer = client.sign_in(who).submit(f"/{kind}/{row.public_id}/{action}", honest | extra)
        assert answer.status_code < 500, (action, answer.status_code)
        changed = {name for name, value in _row(row).items() if value != before[name]}
        assert changed, (kind, action)
        protected = set(PRIVILEGED) - may_change
        assert not changed & protected, (kind, action, changed & protected)
    assert _row(draft)["author"] == f"user:{worker.id}"
    claim = db.session.scalars(select(Allocation).where(Allocation.need_id == field.wish.id)).one()
    assert (claim.claimant_id, claim.organization_id, claim.source) == (volunteer.id, None, "claim")


def test_registering_with_a_role_gives_none(client: Browser, app: Flask) -> None:
    form = {"email": "hostile@example.org", "name": "某人", "password": "long enough 4 you", "accept": "y"}
    client.submit("/account/register", form | {"password_confirm": form["password"]} | PRIVILEGED | {"role": "officer"})
    volunteer = a_user(Role.VOLUNTEER, region=None)
    client.sign_in(volunteer).submit("/account/profile", {"name": "某人", "locale": "zh_CN"} | PRIVILEGED)
    client.submit("/account/notifications/choices", PRIVILEGED | {"roles": ["administrator", "officer"]})
    held = select(RoleRow.name).join(User.roles).where(RoleRow.name != "volunteer")
    assert db.session.scalars(held).all() == []
    assert db.session.get_one(User, volunteer.id, populate_existing=True).region is None


# --- ids of others' records in bodies --------------------------------------------------------------------------------


def test_the_list_of_proposals_answers_only_ones_own(client: Browser, field: Field) -> None:
    """The same field twice, another's id beside one's own: another's is untouched, whichever comes first."""
    both = [field.own_proposal.public_id, field.proposal.public_id]
    client.sign_in(field.manager)
    for chosen in (both, both[::-1]):
        for action in ("accept-selected", "decline-selected"):
            form = {"allocation": chosen, "reason": "other"}
            assert client.submit(f"/allocations/{action}", form).status_code < 500
            assert _row(field.proposal)["state"] == "proposed", action


def test_nobody_claims_for_another_organization_or_what_is_not_public(client: Browser, field: Field) -> None:
    client.sign_in(field.manager)
    hidden = [
        field.need,
        a_wish(state="review", approved_by=None),
        a_wish(hidden_on=in_days(0)),
        a_wish(a_case(restricted=True)),
    ]
    tries = [
        {"organization": field.victim_org.public_id, "wish": field.wish.public_id},
        {"organization": [field.own_org.public_id, field.victim_org.public_id], "wish": hidden[0].public_id},
        *({"organization": field.own_org.public_id, "wish": [field.wish.public_id, row.public_id]} for row in hidden),
    ]
    for form in tries:
        assert client.submit("/collection-days", form).status_code in (403, 404, 409, 422), form
    claims = select(func.count()).select_from(Allocation).where(Allocation.source == "claim")
    assert db.session.scalar(claims) == 0


def test_a_project_is_made_and_a_pool_changed_for_ones_own_organization_alone(client: Browser, field: Field) -> None:
    client.sign_in(field.manager)
    project = {"title": "冒名", "funding": "charity", "summary": "", "organization": field.victim_org.public_id}
    assert client.submit("/projects/new", project).status_code in (403, 404, 422)
    assert db.session.scalar(select(Project.id).where(Project.title == "冒名")) is None
    for action, form in (("", {"name": "车", "quantity": 3}), ("/edit", {"pool": "车"}), ("/remove", {"pool": "车"})):
        answer = client.submit(f"/organizations/{field.victim_org.public_id}/pools{action}", form)
        assert answer.status_code == 404, action


def test_a_coordinator_of_another_county_moves_nothing_of_this_one(client: Browser, field: Field) -> None:
    client.sign_in(a_user(Role.COORDINATOR, region=XINGQING))
    running = an_allocation(a_need(field.need.case), field.capacity, state="accepted")
    form = {"capacity": field.own_capacity.public_id, "quantity": "1", "agreed": "y", "despite": "y"}
    for address in (
        f"/needs/{field.need.public_id}/propose", f"/allocations/{running.public_id}/reassign",
        f"/allocations/{running.public_id}/release", f"/allocations/{field.proposal.public_id}/link",
        f"/holds/releases/{a_release(field.capacity).public_id}/grant",
    ):  # fmt: skip
        assert client.submit(address, form).status_code == 404, address
    for region in (DAWUKOU, "640000", "", "99", "%"):
        for address in ("/runs", "/runs/foresight", "/runs/policy/trials", "/runs/foresight/expectations"):
            assert client.submit(address, {"region": region}).status_code in (302, 303, 400, 403, 404, 422), address
    assert set(db.session.scalars(select(MatchRun.region))) <= {XINGQING}


def test_a_caseworker_of_another_county_adds_nothing_to_a_household(client: Browser, field: Field) -> None:
    client.sign_in(a_user(Role.CASEWORKER, region=XINGQING))
    case = field.need.case
    own = a_case(XINGQING)
    before = db.session.scalar(select(func.count()).select_from(Need))
    person = case.people[0].public_id
    tries: list[tuple[str, dict[str, Any]]] = [
        (f"/cases/{case.public_id}/packages/{a_package().public_id}", {"urgency": "red", "anyway": "y"}),
        (f"/cases/{own.public_id}/people/{person}/edit", {"name": "换人"}),
        (f"/cases/{own.public_id}/people/{person}/reveal", {"reason": "visit"}),
        (f"/cases/{own.public_id}/consents/{case.consents[0].public_id}/withdraw", {}),
        (f"/needs/{field.need.public_id}/exception", {"reason": "急需"}),
        ("/needs/new?case=" + case.public_id, {"case": case.public_id, "title": "x"}),
    ]
    for address, form in tries:
        assert client.submit(address, form).status_code in (403, 404, 422), address
    honest = {
        "kind": "goods",
        "category": "S1102",
        "title": "冬衣",
        "quantity": "1",
        "urgency": "yellow",
        "region": DAWUKOU,
    }
    client.submit("/needs/new", honest | {"case": [own.public_id, case.public_id], "case_id": str(case.id)})
    theirs = db.session.scalar(select(func.count()).select_from(Need).where(Need.region == DAWUKOU))
    assert theirs == before


# --- keys and links ---------------------------------------------------------------------------------------------------


def test_anothers_key_of_a_request_tells_and_blocks_nothing(client: Browser, field: Field) -> None:
    key = {"idempotency_key": "k-of-another"}
    theirs = a_user(organization=field.victim_org)
    client.sign_in(theirs).submit(f"/allocations/{field.proposal.public_id}/accept", key)
    assert _row(field.proposal)["state"] == "accepted"
    client.sign_in(field.manager)
    stolen = client.submit(f"/allocations/{field.proposal.public_id}/accept", key)
    assert stolen.status_code == 404
    assert client.submit(f"/allocations/{field.own_proposal.public_id}/accept", key).status_code == 303
    assert _row(field.own_proposal)["state"] == "accepted"


@pytest.fixture
def tokens(field: Field) -> dict[str, str]:
    """Signed texts that are no valid link to the proposal that is attacked."""
    link: Any = save(AnswerLink(allocation_id=field.proposal.id, expires_at=now()))
    return {
        "past its time": signing.sign("allocation.answer", link.public_id),
        "for a guest": signing.sign("guest.claim", link.public_id),
        "of the proposal itself": signing.sign("allocation.answer", field.proposal.public_id),
        "changed": signing.sign("allocation.answer", link.public_id)[:-2] + "AA",
        "of a claim": signing.sign("guest.claim", field.proposal.public_id),
        "not signed": link.public_id,
    }


def test_links_open_for_one_purpose_and_one_record_in_their_time(
    client: Browser, field: Field, tokens: dict[str, str]
) -> None:
    for name, token in tokens.items():
        for address in (
            f"/answers/{token}/accept", f"/answers/{token}/decline", f"/answers/{token}/delivered",
            f"/claims/{token}/done", f"/claims/{token}/give-back", f"/claims/{token}/evidence",
            f"/account/join/{token}", f"/account/password/{token}", f"/account/register/{token}",
            f"/organizations/join/{token}",
        ):  # fmt: skip
            answer = client.submit(address, {"reason": "other", "password": "long enough 4 you"})
            assert answer.status_code in (404, 409, 410, 422), (name, address)
    assert _row(field.proposal)["state"] == "proposed"


# --- runs of others ---------------------------------------------------------------------------------------------------


def test_a_restricted_case_is_in_no_list_count_or_queue(client: Browser, field: Field) -> None:
    """R05 and R07: the same pages, before and after, for everyone beside the care team."""
    people = [a_user(role) for role in (Role.CASEWORKER, Role.COORDINATOR, Role.OFFICER, Role.VOLUNTEER)]
    people += [field.manager, a_user(Role.AUDITOR), a_user(Role.ADMINISTRATOR)]
    lists = ("/", "/cases", "/needs", "/needs?state=open", "/allocations", "/runs", "/wishes", "/holds", "/follow-ups",
             "/search?q=冬衣", "/allocations/handover", "/needs/review", "/cards", "/regions/640202")  # fmt: skip

    def told() -> dict[tuple[int, str], tuple[int, list[str]]]:
        seen = {}
        for user in people:
            client.sign_in(user)
            for address in lists:
                answer = client.get(address)
                page = answer.get_data(as_text=True)
                words = re.findall(r">\s*([^<>]*[^<>\s])\s*<", page) + re.findall(r'href="([^"?]*)', page)
                seen[user.id, address] = (answer.status_code, words)
        return seen

    before = told()
    case = a_case(restricted=True)
    for position in TEAM_LEADS:  # until both are named, everyone whose work it is may see it
        a_team_member(case, position=position)
    a_need(case, title="不可见的需要")
    a_wish(case, title="不可见的心愿")
    a_run(case_id=case.id)
    after = told()
    differing = {
        key: set(after[key][1]) ^ set(words) for key, (_, words) in before.items() if after[key] != before[key]
    }
    assert differing == {}
    assert (
        client.sign_in(db.session.get_one(User, a_team_member(case).user_id))
        .get("/cases")
        .data.count(case.public_id.encode())
    )
