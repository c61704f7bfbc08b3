"""Accounts of the demo world: invented people who sign in with passwords made anew each time."""

import secrets
import uuid
from dataclasses import dataclass, field

from flask_security.utils import hash_password
from sqlalchemy import func, select

from marketplace.accounts.models import Membership, User
from marketplace.accounts.services import role_row
from marketplace.extensions import db
from marketplace.organizations.models import Organization
from marketplace.permissions import Role
from marketplace.projects.models import Capacity
from marketplace.regions import NINGXIA

#: A name that no mail server answers to, and that sign-in forms take as an address.
DOMAIN = "demo.bangnin.example"
VOLUNTEERS = 40
#: Regions that the three accounts of each staff role serve: Dawukou first, then others, then all of Ningxia.
REGIONS: dict[Role, tuple[str, str, str]] = {
    Role.CASEWORKER: ("640202", "640104", "640205"),
    Role.COORDINATOR: ("640202", "640106", NINGXIA),
    Role.OFFICER: ("640202", "640106", NINGXIA),
    Role.AUDITOR: (NINGXIA, NINGXIA, NINGXIA),
    Role.ADMINISTRATOR: (NINGXIA, NINGXIA, NINGXIA),
}
NAMES = {
    Role.VOLUNTEER: "演示志愿者",
    Role.CASEWORKER: "演示社工",
    Role.CHARITY: "演示机构",
    Role.COORDINATOR: "演示协调员",
    Role.OFFICER: "演示专干",
    Role.AUDITOR: "演示审计员",
    Role.ADMINISTRATOR: "演示管理员",
}
CHARITIES = 3
DAWUKOU = "640202"


@dataclass
class Account:
    """One person who may sign in."""

    role: Role
    number: int
    region: str | None = None
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12), repr=False)
    hashed: str = field(default="", repr=False)
    user: User | None = field(default=None, repr=False)

    @property
    def email(self) -> str:
        return f"{self.role}-{self.number:02d}@{DOMAIN}"

    def told(self) -> dict[str, str]:
        return {"role": str(self.role), "email": self.email, "password": self.password}


@dataclass
class Accounts:
    """Every account that may sign in, volunteers first."""

    everyone: list[Account]

    def store(self) -> None:
        """Write the accounts, inside the caller's transaction."""
        for account in self.everyone:
            account.user = _user(account.email, f"{NAMES[account.role]}{account.number:02d}", account.hashed)
            account.user.region = account.region
            if account.role is not Role.CHARITY:  # a charity's role comes with its membership
                account.user.roles = [role_row(account.role)]
            db.session.add(account.user)
        db.session.flush()

    def join_organizations(self) -> None:
        """Make the charity accounts members of the Dawukou organizations that offer most."""
        charities = [account for account in self.everyone if account.role is Role.CHARITY]
        offers = func.count(Capacity.id)
        query = (
            select(Organization.id)
            .join(Capacity, Capacity.organization_id == Organization.id)
            .where(Organization.region == DAWUKOU, Organization.state == "verified")
            .group_by(Organization.id)
            .order_by(offers.desc(), Organization.id)
            .limit(len(charities))
        )
        for account, organization_id in zip(charities, db.session.scalars(query), strict=True):
            assert account.user is not None  # noqa: S101  # store() came first
            db.session.add(Membership(user_id=account.user.id, organization_id=organization_id, position="manager"))

    def one_of_each_role(self) -> list[Account]:
        """One account for each role, in the order of the roles: of all Ningxia, as the run is, where a role has one."""
        of_role = {role: [account for account in self.everyone if account.role is role] for role in NAMES}
        return [next((one for one in them if one.region == NINGXIA), them[0]) for them in of_role.values()]


def make_accounts() -> Accounts:
    """The accounts with new passwords, hashed as any account's."""
    everyone = [Account(Role.VOLUNTEER, number) for number in range(1, VOLUNTEERS + 1)]
    everyone += [Account(Role.CHARITY, number) for number in range(1, CHARITIES + 1)]
    for role, places in REGIONS.items():
        everyone += [Account(role, number, region) for number, region in enumerate(places, start=1)]
    for account in everyone:
        account.hashed = hash_password(account.password)
    return Accounts(everyone)


def make_suppliers_of_the_past(names: set[str]) -> dict[str, int]:
    """Keys of the volunteers that the history names; those without an account get one that cannot sign in."""
    users = {user.email.partition("@")[0]: user for user in db.session.scalars(select(User))}
    for name in sorted(names - users.keys()):
        users[name] = _user(f"{name}@{DOMAIN}", f"{NAMES[Role.VOLUNTEER]}{name[-2:]}", "!")
        users[name].active = False
        users[name].roles = [role_row(Role.VOLUNTEER)]
        db.session.add(users[name])
    db.session.flush()  # the history names them by key
    return {name: users[name].id for name in names}


def _user(email: str, name: str, hashed: str) -> User:
    return User(email=email, name_sealed=name, password=hashed, active=True, fs_uniquifier=uuid.uuid4().hex)
