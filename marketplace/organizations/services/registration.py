"""Registering and editing an organization."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from marketplace import audit, credit_code, events, regions
from marketplace.accounts import services as accounts
from marketplace.errors import AccessDenied, InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.organizations.models import KINDS, Organization
from marketplace.permissions import Actor, Permission, scoped
from marketplace.transitions import move, transaction

#: What an officer verified: it stays as it was verified.
IDENTITY = ("name", "kind", "credit_code", "region")
#: Kinds that may work without being registered with the authorities.
WITHOUT_CODE = frozenset({"volunteer_team"})
_TAKEN = _("An organization with this code is registered already. If it is yours, ask its manager to add you.")


@dataclass(frozen=True)
class Profile:
    """What an organization says of itself. Empty contact fields of an edit keep what is stored."""

    name: str
    kind: str
    region: str
    credit_code: str = ""
    name_en: str = ""
    summary: str = ""
    contact_name: str = field(default="", repr=False)
    contact_phone: str = field(default="", repr=False)

    def columns(self) -> dict[str, Any]:
        """Column values; contact columns only where given."""
        values: dict[str, Any] = {
            "name": self.name.strip(),
            "kind": self.kind,
            "region": self.region,
            "credit_code": credit_code.normalise(self.credit_code) or None,
            "name_en": self.name_en.strip() or None,
            "summary": self.summary.strip(),
        }
        contact = {"contact_name": self.contact_name.strip(), "contact_phone": self.contact_phone.strip()}
        return values | {name: value for name, value in contact.items() if value}


def code_fault(code: str) -> Any:
    """What is wrong with a normalised unified social credit code, in words; None when nothing is."""
    if len(code) != credit_code.LENGTH:
        return _("The code has 18 characters; this one has %(count)s. Copy it from the licence.", count=len(code))
    strange = sorted({character for character in code if character not in credit_code.ALPHABET})
    if strange:
        return _(
            "The code has no character %(characters)s: the letters I, O, S, V and Z are never used. "
            "Perhaps 1, 0 or 2 is meant.",
            characters=" ".join(strange),
        )
    if not credit_code.is_valid(code):
        return _("The code's check character does not fit: at least one character is mistyped. Compare it once more.")
    return None


def _faults(values: dict[str, Any]) -> dict[str, Any]:
    faults: dict[str, Any] = {}
    if not values["name"]:
        faults["name"] = _("Enter the organization's registered name")
    if values["kind"] not in KINDS:
        faults["kind"] = _("Choose a kind of the list")
    if not regions.exists(values["region"]):
        faults["region"] = _("Choose a region of the list")
    code = values["credit_code"]
    if code is None:
        if values["kind"] not in WITHOUT_CODE:
            faults["credit_code"] = _("Enter the unified social credit code; only volunteer teams may have none")
    elif fault := code_fault(code):
        faults["credit_code"] = fault
    return faults


def _refuse_taken_code(code: str | None, own_id: int | None = None) -> None:
    query = select(Organization.id).where(Organization.credit_code == code, Organization.id != (own_id or 0))
    if code is not None and db.session.scalar(query) is not None:
        raise InvalidInput(fields={"credit_code": _TAKEN})


def register(actor: Actor, profile: Profile) -> Organization:
    """A signed-in person registers an organization and becomes its manager; an officer verifies it next.

    Raises:
        InvalidInput: a field breaks a rule, or the credit code is registered already.
    """
    if actor.user_id is None:
        raise AccessDenied
    values = profile.columns()
    faults = _faults(values)
    for name, message in (
        ("contact_name", _("Enter whom the officer may ask")),
        ("contact_phone", _("Enter a number under which that person is reached")),
    ):
        if name not in values:
            faults[name] = message
    if faults:
        raise InvalidInput(fields=faults)
    with transaction() as session:
        _refuse_taken_code(values["credit_code"])
        organization = Organization(**values)
        session.add(organization)
        try:
            session.flush()
        except IntegrityError as error:  # another registration of the same code was a moment faster
            raise InvalidInput(fields={"credit_code": _TAKEN}) from error
        audit.record(actor, "organization:created", organization, changed=sorted(values), after=organization.state)
        accounts.add_member(actor, actor.user_id, organization.id)
        session.expire(organization)  # its contact was plain text so far; it reads as sealed from here on
        events.changed.send("organization", ids=[organization.id])
        events.happened.send("organization:created", row=organization, actor=actor)
    return organization


def get_own(actor: Actor, public_id: str, *, lock: bool = False) -> Organization:
    """An organization that the actor may edit.

    Args:
        lock: keep others from changing it until the transaction ends.
    Raises:
        NotFound: there is none, or the actor is no member.
    """
    query = scoped(Organization, actor, Permission.ORGANIZATION_EDIT).where(Organization.public_id == public_id)
    organization: Organization | None = db.session.scalar(query.with_for_update(key_share=True) if lock else query)
    if organization is None:
        raise NotFound
    return organization


def identity_is_open(organization: Organization) -> bool:
    """Whether name, kind, code and region may still change: until they are verified."""
    return organization.state in ("registered", "refused")


def edit(actor: Actor, public_id: str, version: int, profile: Profile) -> Organization:
    """A member changes the profile; of a verified organization only what was not verified.

    Raises:
        InvalidInput: a field breaks a rule, or the credit code is registered already.
        NotFound: the actor is no member.
        StateConflict: somebody changed it after the member opened the form.
    """
    values = profile.columns()
    with transaction() as session:
        organization = get_own(actor, public_id, lock=True)
        if identity_is_open(organization):
            if faults := _faults(values):
                raise InvalidInput(fields=faults)
            _refuse_taken_code(values["credit_code"], organization.id)
        else:
            values = {name: value for name, value in values.items() if name not in IDENTITY}
        changed = _differences(organization, values)
        done = session.execute(
            update(Organization)
            .where(Organization.id == organization.id, Organization.version == version)
            .values(version=version + 1, **values)
            .execution_options(synchronize_session=False)
        )
        if done.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE always gives a cursor result
            raise StateConflict
        session.expire(organization)
        audit.record(actor, "organization:edited", organization, changed=changed)
        events.changed.send("organization", ids=[organization.id])
    return organization


def _differences(organization: Organization, values: dict[str, Any]) -> Iterable[str]:
    """Names of the columns that change; a contact that is given counts as changed."""
    return sorted(
        name for name, value in values.items() if name.startswith("contact_") or getattr(organization, name) != value
    )


def resubmit(actor: Actor, public_id: str) -> None:
    """A refused organization asks again, after it mended what the reason named."""
    with transaction():
        move(actor, get_own(actor, public_id, lock=True), expect="refused", to="registered")


def ensure(
    actor: Actor, name: str, *, region: str = regions.NINGXIA, kind: str = "charity", **facts: Any
) -> Organization:
    """The organization of exactly this name, made verified and marked as imported when there is none.

    For imports, which vouch for what they bring; inside the caller's transaction or one of its own.

    Args:
        facts: further columns of a new organization, e.g. name_en, credit_code, summary, state, external_id.
    """
    with transaction() as session:
        query = select(Organization).where(Organization.name == name)
        # A name is not unique: a verified organization goes before one that merely says it is called so.
        found = session.scalars(query.order_by(Organization.state != "verified", Organization.id)).first()
        if found is not None:
            return found
        given = {"state": "verified"} | facts
        organization = Organization(name=name, region=region, kind=kind, imported=True, **given)
        session.add(organization)
        session.flush()
        session.expire(organization, ["contact_name", "contact_phone"])  # plain text so far, sealed from here on
        audit.record(actor, "organization:imported", organization, after=organization.state)
        events.changed.send("organization", ids=[organization.id])
    return organization
