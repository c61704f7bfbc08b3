"""A small world to test in: each function makes one record by the shortest honest way.

Personal values are canaries: strings that occur nowhere else, so that a scan finds where they leak.
"""

import uuid
from datetime import date, timedelta
from io import BytesIO
from typing import Any

from PIL import Image
from sqlalchemy.exc import OperationalError

from marketplace import regions, uploads
from marketplace.accounts import services as accounts
from marketplace.accounts.models import ASSIGNABLE_ROLES, AccessLink, Membership, User, email_index
from marketplace.allocations.models import Allocation, Evidence, FollowUp
from marketplace.assessments.models import QUESTIONS, ImpactAssessment
from marketplace.cases.models import CareTeamMember, Case, Consent, Person
from marketplace.extensions import db, write_turn
from marketplace.matches.models import CaseProposal, MatchRun
from marketplace.needs.models import Need
from marketplace.notifications.models import Notification
from marketplace.organizations.models import Alliance, Organization, OrganizationDocument, Package, PackageItem
from marketplace.permissions import Role
from marketplace.projects.models import Capacity, Project
from marketplace.records import now, today

DAWUKOU, HUINONG, XINGQING = "640202", "640205", "640104"

CANARIES = {
    "name": "金丝雀姓名甲乙丙",
    "id_number": "640202190001019999",
    "phone": "10012345678",
    "address": "金丝雀路七七八八号",
    "details": "金丝雀细节不可外传",
    "summary": "金丝雀个案摘要",
    "contact_name": "鸟联系人丁戊",
    "contact_phone": "10087654321",
    "email": "canary-bird-77@example.org",
}


def save(*rows: Any) -> Any:
    """Store rows; gives the first back. Beside a worker that writes at the same moment, after it."""
    for _turn in range(20):
        try:
            db.session.add_all(rows)
            db.session.commit()
            break
        except OperationalError:  # SQLite does not let a reader become a writer while another writes
            db.session.rollback()
            with write_turn():
                pass
    else:
        raise RuntimeError("others write all the time")
    return rows[0]


def an_assessment(region: str = regions.NINGXIA, **values: Any) -> ImpactAssessment:
    """An assessment of publishing wishes, signed and in force."""
    given = {
        **dict.fromkeys(QUESTIONS, "已评估"), "channel": "wishes", "edition": 1, "grounds": ["publishing"],
        "conclusion": "proceed", "valid_until": in_days(365), "state": "signed", "author": "user:1",
        "signed_by": "user:1", "signed_on": today(),
    }  # fmt: skip
    assessment: ImpactAssessment = save(ImpactAssessment(region=region, **(given | values)))
    return assessment


def a_user(
    *roles: Role,
    region: str | None = DAWUKOU,
    organization: Organization | None = None,
    position: str = "manager",
    **values: Any,
) -> User:
    """A user with roles; staff roles serve `region`; with an organization, a member of it in a position."""
    user = User(
        email=values.pop("email", f"{uuid.uuid4().hex[:12]}@example.org"),
        name_sealed=values.pop("name", "测试用户"),
        password="!",
        fs_uniquifier=uuid.uuid4().hex,
        active=True,
        region=region,
        roles=[accounts.role_row(role) for role in roles if role in ASSIGNABLE_ROLES],
        **values,
    )
    save(user)
    if organization is not None:
        save(Membership(user_id=user.id, organization_id=organization.id, position=position))
        db.session.refresh(user)
    return user


def an_organization(**values: Any) -> Organization:
    """A verified charity of Dawukou."""
    given = {
        "name": f"测试机构{uuid.uuid4().hex[:6]}",
        "kind": "charity",
        "region": DAWUKOU,
        "state": "verified",
        "contact_name": CANARIES["contact_name"],
        "contact_phone": CANARIES["contact_phone"],
    }
    organization: Organization = save(Organization(**(given | values)))
    return organization


def a_project(organization: Organization | None = None, **values: Any) -> Project:
    """An open project."""
    organization = organization or an_organization()
    given = {"organization_id": organization.id, "region": organization.region, "title": "冬季送暖", "state": "open"}
    project: Project = save(Project(**(given | values)))
    return project


def a_capacity(project: Project | None = None, **values: Any) -> Capacity:
    """Ten sets of winter clothes for Dawukou, confirmed today."""
    project = project or a_project()
    given = {
        "project_id": project.id,
        "organization_id": project.organization_id,
        "region": project.region,
        "title": "冬衣",
        "categories": ["S1102"],
        "regions": [DAWUKOU],
        "quantity": 10,
        "unit": "份",
        "confirmed_on": today(),
    }
    capacity: Capacity = save(Capacity(**(given | values)))
    return capacity


def a_case(region: str = DAWUKOU, **values: Any) -> Case:
    """A household with one person and live consents to sharing and publishing."""
    number = uuid.uuid4().hex[:8]
    case: Case = save(
        Case(
            number=f"C-{number}",
            region=region,
            colour="YELLOW",
            opened_on=today(),
            summary=CANARIES["summary"],
            **values,
        )
    )
    save(
        Person(
            case_id=case.id, relation="self", name=CANARIES["name"], id_number=CANARIES["id_number"],
            phone=CANARIES["phone"], address=CANARIES["address"], hukou_region="620000",
        ),
        Consent(case_id=case.id, purpose="share", given_on=today(), given_by="self"),
        Consent(case_id=case.id, purpose="publish", given_on=today(), given_by="self"),
    )  # fmt: skip
    return case


def a_need(case: Case | None = None, **values: Any) -> Need:
    """An open need for two sets of winter clothes, with consent to share it."""
    case = case or a_case()
    given = {
        "case_id": case.id,
        "kind": "goods",
        "category": "S1102",
        "title": "两套冬衣",
        "details": CANARIES["details"],
        "region": case.region,
        "quantity": 2,
        "unit": "份",
        "urgency": "yellow",
        "posted_on": today() - timedelta(days=3),
        "state": "open",
        "share_consent_on": today(),
        "consent_by": "self",
        "author": "user:0",
    }
    need: Need = save(Need(**(given | values)))
    return need


def a_wish(case: Case | None = None, **values: Any) -> Need:
    """A public micro-wish."""
    given = {
        "kind": "micro_wish", "title": "一双34码棉鞋", "quantity": 1, "unit": "件", "value_fen": 12000,
        "publish_consent_on": today(), "approved_by": "user:1",
    }  # fmt: skip
    return a_need(case, **(given | values))


def an_allocation(need: Need | None = None, capacity: Capacity | None = None, **values: Any) -> Allocation:
    """A proposal of one unit; states that hold quantity move the counters as services do."""
    need = need or a_need()
    capacity = capacity if capacity or values.get("claimant_id") else a_capacity()
    given = {
        "need_id": need.id,
        "capacity_id": capacity.id if capacity else None,
        "organization_id": capacity.organization_id if capacity else None,
        "region": need.region,
        "wish": need.kind == "micro_wish",
        "quantity": 1,
        "source": "run" if capacity else "claim",
        "state": "proposed" if capacity else "accepted",
        "fit": 5000,
    }
    allocation: Allocation = save(Allocation(**(given | values)))
    if allocation.state in ("accepted", "delivering", "delivered", "confirmed"):
        need.allocated += allocation.quantity
        if capacity:
            capacity.allocated += allocation.quantity
        db.session.commit()
    return allocation


def in_days(days: int) -> date:
    return today() + timedelta(days=days)


def a_run(region: str = DAWUKOU, **values: Any) -> MatchRun:
    """A finished matching run."""
    given = {"region": region, "started_by": "system:test", "state": "done", "progress": 100}
    run: MatchRun = save(MatchRun(**(given | values)))
    return run


def a_case_proposal(need: Need, capacity: Capacity, **values: Any) -> CaseProposal:
    """What a restricted run found for a need, to be answered."""
    run = a_run(need.region, case_id=need.case_id)
    given = {"run_id": run.id, "need_id": need.id, "capacity_id": capacity.id, "region": need.region, "quantity": 1}
    proposal: CaseProposal = save(CaseProposal(**(given | {"fit": 5000} | values)))
    return proposal


def an_alliance(region: str = DAWUKOU, **values: Any) -> Alliance:
    """An alliance without members."""
    given = {"slug": f"a-{uuid.uuid4().hex[:8]}", "name": "测试联盟", "region": region}
    alliance: Alliance = save(Alliance(**(given | values)))
    return alliance


def a_package(alliance: Alliance | None = None, **values: Any) -> Package:
    """A package of two needs, served together."""
    alliance = alliance or an_alliance()
    given = {"alliance_id": alliance.id, "name": "失能老人照护套餐", "audience": "G-ELDUNABLE", "together": True}
    package: Package = save(Package(**(given | values)))
    save(
        PackageItem(
            package_id=package.id, position=1, kind="service", category="S0202", title="每周居家基础护理",
            quantity=4, requires=["Q-NURSE"], within_days=30,
        ),
        PackageItem(
            package_id=package.id, position=2, kind="service", category="S0301", title="每日午餐送到家", quantity=30,
        ),
    )  # fmt: skip
    db.session.refresh(package)
    return package


def a_document(organization: Organization | None = None, **values: Any) -> OrganizationDocument:
    """A licence of one black dot."""
    organization = organization or an_organization()
    picture = BytesIO()
    Image.new("RGB", (1, 1)).save(picture, "PNG")
    picture.seek(0)
    stored = uploads.keep_document(picture)
    given = {
        "organization_id": organization.id, "kind": "licence", "file": stored.name, "media_type": stored.media_type,
        "size_bytes": stored.size, "sha256": stored.sha256,
    }  # fmt: skip
    document: OrganizationDocument = save(OrganizationDocument(**(given | values)))
    return document


def an_invitation(organization: Organization | None = None, **values: Any) -> AccessLink:
    """An invitation to join an organization's staff that nobody used yet."""
    organization = organization or an_organization()
    email = f"{uuid.uuid4().hex[:12]}@example.org"
    given = {
        "purpose": "join", "address": email, "address_index": email_index(email), "organization_id": organization.id,
        "position": "staff", "expires_at": now() + timedelta(days=7),
    }  # fmt: skip
    link: AccessLink = save(AccessLink(**(given | values)))
    return link


def a_volunteers_offer(owner: User | None = None, **values: Any) -> Capacity:
    """Eight visits to cut hair in Dawukou, of a volunteer and read by nobody yet."""
    owner = owner or a_user(Role.VOLUNTEER, region=None)
    given = {
        "owner_id": owner.id,
        "state": "review",
        "region": DAWUKOU,
        "title": "上门理发",
        "categories": ["S0103"],
        "regions": [DAWUKOU],
        "quantity": 8,
        "unit": "次",
        "confirmed_on": today(),
    }
    offer: Capacity = save(Capacity(**(given | values)))
    return offer


def a_photo(allocation: Allocation) -> Evidence:
    """A photo that was handed in, with its file."""
    picture = BytesIO()
    Image.new("RGB", (2, 2), "white").save(picture, "PNG")
    stored = uploads.keep_image(BytesIO(picture.getvalue()))
    given = {"allocation_id": allocation.id, "media_type": stored.media_type, "size": stored.size}
    photo: Evidence = save(Evidence(file=stored.name, added_by="user:0", **given))
    return photo


def a_visit(allocation: Allocation, **values: Any) -> FollowUp:
    """A follow-up visit that is due today."""
    given = {"allocation_id": allocation.id, "region": allocation.region, "due_on": today()}
    visit: FollowUp = save(FollowUp(**(given | values)))
    return visit


def a_team_member(case: Case, user: User | None = None, position: str = "resource") -> CareTeamMember:
    """Somebody of a case's care team."""
    user = user or a_user(Role.CASEWORKER, region=case.region)
    member: CareTeamMember = save(CareTeamMember(case_id=case.id, user_id=user.id, position=position))
    return member


def a_notice(user: User, **values: Any) -> Notification:
    """Something that a user may want to know."""
    given = {
        "user_id": user.id, "key": uuid.uuid4().hex, "topic": "claims", "event": "allocation:claimed",
        "record_type": "allocation", "record_public_id": uuid.uuid4().hex, "about": "W-23456789", "created_at": now(),
    }  # fmt: skip
    notice: Notification = save(Notification(**(given | values)))
    return notice
