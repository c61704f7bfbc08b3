"""The rows of the demo world's files as records; each maker fills one table, in the order of `MAKERS`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from marketplace import audit, money, taxonomy
from marketplace.allocations.models import HOLDS_CAPACITY, HOLDS_NEED, Allocation, Delivery
from marketplace.cases.models import Case, Consent, Person
from marketplace.demo.accounts import make_suppliers_of_the_past
from marketplace.extensions import db
from marketplace.needs.models import Need
from marketplace.organizations.models import Alliance, AllianceMember, Organization
from marketplace.permissions import Actor
from marketplace.privacy import blind_index
from marketplace.projects.models import Capacity, Pool, Project
from marketplace.records import LOCAL_TIME

Row = dict[str, str]


@dataclass
class World:
    """What the makers share: rows of the file by its id."""

    day: date
    actor: Actor
    organizations: dict[str, Organization] = field(default_factory=dict)
    by_name: dict[str, Organization] = field(default_factory=dict)
    alliances: dict[str, Alliance] = field(default_factory=dict)
    projects: dict[str, Project] = field(default_factory=dict)
    pools: dict[str, Pool] = field(default_factory=dict)
    capacity: dict[str, Capacity] = field(default_factory=dict)
    cases: dict[str, Case] = field(default_factory=dict)
    needs: dict[str, Need] = field(default_factory=dict)
    allocations: list[Allocation] = field(default_factory=list)

    def record(self) -> None:
        """One audit event for each record that has a history on its page."""
        kinds: tuple[tuple[str, list[Any]], ...] = (
            ("organization", list(self.organizations.values())),
            ("project", list(self.projects.values())),
            ("capacity", list(self.capacity.values())),
            ("case", list(self.cases.values())),
            ("need", list(self.needs.values())),
            ("allocation", self.allocations),
        )
        for table, rows in kinds:
            by_state: dict[str | None, list[tuple[int, str | None]]] = {}
            for row in rows:
                by_state.setdefault(getattr(row, "state", None), []).append((row.id, row.region))
            for state, keys in by_state.items():
                audit.record_many(self.actor, f"{table}:demo_loaded", table, keys, after=state)


def _organizations(world: World, rows: list[Row]) -> None:
    for row in rows:
        organization = Organization(
            external_id=row["id"],
            name=row["name"],
            name_en=row["name_en"] or None,
            kind=row["kind"],
            credit_code=row["credit_code"] or None,
            region=row["region"],
            summary=row["summary"],
            contact_name=row["contact_name"],
            contact_phone=row["contact_phone"],
            state=row["state"],
        )
        world.organizations[row["id"]] = world.by_name[row["name"]] = organization
    db.session.add_all(world.organizations.values())


def _alliances(world: World, rows: list[Row]) -> None:
    for row in rows:
        names = ("slug", "name", "name_en", "region", "summary")
        world.alliances[row["id"]] = Alliance(**{name: row[name] for name in names})
    db.session.add_all(world.alliances.values())


def _alliance_members(world: World, rows: list[Row]) -> None:
    for row in rows:
        alliance, member = world.alliances[row["alliance"]], world.organizations[row["organization"]]
        joined_on = world.day - timedelta(days=365)
        db.session.add(AllianceMember(alliance_id=alliance.id, organization_id=member.id, joined_on=joined_on))


def _projects(world: World, rows: list[Row]) -> None:
    for row in rows:
        organization = world.organizations[row["organization"]]
        world.projects[row["id"]] = Project(
            external_id=row["id"],
            organization_id=organization.id,
            region=organization.region,
            title=row["title"],
            summary=row["summary"],
            funding=row["funding"],
            starts_on=_day(row["starts_on"]),
            ends_on=_day(row["ends_on"]),
            state=row["state"],
        )
    db.session.add_all(world.projects.values())


def _capacity(world: World, rows: list[Row]) -> None:
    for row in rows:
        if row["pool"] and row["pool_quantity"]:
            world.pools.setdefault(row["pool"], Pool(name=row["pool"], quantity=int(row["pool_quantity"])))
    db.session.add_all(world.pools.values())
    db.session.flush()  # capacity names its pool by key
    for row in rows:
        project, categories = world.projects[row["project"]], row["categories"].split(";")
        world.capacity[row["id"]] = Capacity(
            external_id=row["id"],
            project_id=project.id,
            organization_id=project.organization_id,
            region=project.region,
            title=row["title"],
            categories=categories,
            regions=row["regions"].split(";"),
            unit=taxonomy.unit(categories[0]),
            quantity=int(row["quantity"]),
            allocated=0,
            committed_fen=0,
            pool_id=world.pools[row["pool"]].id if row["pool"] else None,
            budget_fen=_fen(row["budget_yuan"]),
            unit_cost_fen=_fen(row["unit_cost_yuan"]) or 0,
            minimum_batch=int(row["minimum_batch"] or 0),
            latitude=_number(row["lat"]),
            longitude=_number(row["lon"]),
            radius_km=_number(row["radius_km"]),
            groups=_codes(row["groups"]),
            qualifications=_codes(row["qualifications"]),
            valid_from=_day(row["valid_from"]),
            valid_until=_day(row["valid_until"]),
            confirmed_on=world.day,
        )
    db.session.add_all(world.capacity.values())


def _households(world: World, rows: list[Row]) -> None:
    for row in rows:
        world.cases[row["id"]] = Case(
            external_id=row["id"],
            number=f"C-{row['region']}-{row['id']}",
            region=row["region"],
            colour=row["colour"],
            summary=row["summary"],
            opened_on=world.day - timedelta(days=120),
        )
    db.session.add_all(world.cases.values())


def _persons(world: World, rows: list[Row]) -> None:
    for row in rows:
        db.session.add(
            Person(
                external_id=row["id"],
                case_id=world.cases[row["household"]].id,
                relation=row["relation"],
                name=row["name"],
                id_number=row["id_number"],
                id_number_index=blind_index("person.id_number", row["id_number"]) if row["id_number"] else None,
                phone=row["phone"],
                address=row["address"],
                birth_on=row["birth_on"],
                sex=row["sex"][:1].upper() or None,
                tier=row["tier"],
                groups=_codes(row["groups"]),
                hukou_region=row["hukou"] or None,
                residence_permit=row["residence_permit"] == "1",
            )
        )


def _needs(world: World, rows: list[Row]) -> None:
    consents: dict[tuple[str, str], tuple[date, str]] = {}
    for row in rows:
        wish, given = row["kind"] == "micro_wish", _day(row["consent_date"])
        public = wish and row["state"] in ("open", "closed")
        world.needs[row["id"]] = Need(
            external_id=row["id"],
            case_id=world.cases[row["household"]].id,
            kind=row["kind"],
            category=row["category"],
            title=row["title"],
            region=row["region"],
            latitude=_number(row["lat"]),
            longitude=_number(row["lon"]),
            quantity=int(row["quantity"]),
            allocated=0,
            unit=taxonomy.unit(row["category"]),
            value_fen=_fen(row["value_yuan"]),
            urgency=row["urgency"],
            groups=_codes(row["groups"]),
            requires=_codes(row["requires"]),
            posted_on=_day(row["posted"]),
            deadline=_day(row["deadline"]),
            bundle=row["bundle"] or None,
            whole=row["whole"] in ("1", "true", "yes"),
            state=row["state"],
            closing="fulfilled" if row["state"] == "closed" else None,
            share_consent_on=given,
            publish_consent_on=given if wish else None,
            consent_by=row["consent_by"] or None,
            author="system:demo",
            approved_by="system:demo-review" if public else None,
        )
        if given is None:
            continue
        for purpose in ("share", "publish") if wish else ("share",):
            key, told = (row["household"], purpose), (given, row["consent_by"])
            consents[key] = max(consents.get(key, told), told)
    db.session.add_all(world.needs.values())
    for (household, purpose), (given_on, by) in consents.items():
        case_id = world.cases[household].id
        db.session.add(Consent(case_id=case_id, purpose=purpose, given_on=given_on, given_by=by))


def _allocations(world: World, rows: list[Row]) -> None:
    volunteers = make_suppliers_of_the_past({row["volunteer"] for row in rows} - {""})
    deliveries: list[tuple[Allocation, Row]] = []
    for row in rows:
        need = world.needs[row["need"]]
        capacity = world.capacity[row["capacity"]] if row["capacity"] else None
        quantity, state = int(row["quantity"]), row["state"]
        allocation = Allocation(
            external_id=row["id"],
            need_id=need.id,
            capacity_id=capacity.id if capacity else None,
            claimant_id=None if capacity else volunteers[row["volunteer"]],
            organization_id=capacity.organization_id if capacity else None,
            region=need.region,
            wish=need.kind == "micro_wish",
            quantity=quantity,
            source=row["source"],
            state=state,
            reasons={},
            expires_at=_moment(row["due_on"]) if state == "accepted" else None,
            due_on=_day(row["due_on"]),
            accepted_at=_moment(row["accepted_on"]),
            delivered_at=_moment(row["delivered_on"]),
            confirmed_at=_moment(row["confirmed_on"]),
            satisfaction=int(row["satisfaction"]) if row["satisfaction"] else None,
        )
        world.allocations.append(allocation)
        need.allocated += quantity if state in HOLDS_NEED else 0
        if capacity and state in HOLDS_CAPACITY:
            capacity.allocated += quantity
            capacity.committed_fen += quantity * capacity.unit_cost_fen
        if row["delivered_on"]:
            deliveries.append((allocation, row))
    db.session.add_all(world.allocations)
    db.session.flush()  # deliveries name their allocation by key
    for allocation, row in deliveries:
        db.session.add(
            Delivery(
                allocation_id=allocation.id,
                delivered_on=_day(row["delivered_on"]),
                quantity=allocation.quantity,
                people_served=int(row["people_served"] or 1),
                value_fen=_fen(row["value_yuan"]) or 0,
                value_kind=row["value_kind"] or "goods",
            )
        )


def _day(value: str) -> date | None:
    return date.fromisoformat(value) if value else None


def _moment(value: str) -> datetime | None:
    """Noon of a day where the people served live."""
    return datetime.combine(date.fromisoformat(value), time(12), LOCAL_TIME).astimezone(UTC) if value else None


def _fen(value: str) -> int | None:
    return money.parse_yuan(value) if value else None


def _number(value: str) -> float | None:
    return float(value) if value else None


def _codes(value: str) -> list[str]:
    return [code for code in value.split(";") if code]


MAKERS: dict[str, Callable[[World, list[Row]], None]] = {
    "organizations": _organizations,
    "alliances": _alliances,
    "alliance_members": _alliance_members,
    "projects": _projects,
    "capacity": _capacity,
    "households": _households,
    "persons": _persons,
    "needs": _needs,
    "allocations": _allocations,
}
