"""Links that are sent to people: signed, for one purpose, for a time, and good for one use.

Where no mail is set up (MAIL_URL), whoever asked for a link hands it over themselves; the page shows it once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask_babel import gettext as _
from flask_security.utils import hash_password
from sqlalchemy import func, select, update

from marketplace import audit, mail, signing
from marketplace.accounts.models import AccessLink, Membership, User, email_index
from marketplace.accounts.services.actors import actor_of, own_user, user_by_email
from marketplace.accounts.services.memberships import set_position
from marketplace.accounts.services.people import add_member, add_user
from marketplace.accounts.services.sessions import end_all_sessions
from marketplace.errors import AccessDenied, InvalidInput, NotFound, StateConflict
from marketplace.extensions import db
from marketplace.permissions import ANYONE, Actor, Role
from marketplace.records import now
from marketplace.transitions import transaction

LIFETIMES = {"register": timedelta(hours=24), "join": timedelta(days=7), "password": timedelta(days=3)}
#: Letters to one address within a day that a stranger can cause.
LETTERS_A_DAY = 3
#: Makes the full address of a link from its token.
Address = Callable[[str], str]


@dataclass(frozen=True)
class Sent:
    """A link that was made: `address` in full, and whether it went out by e-mail."""

    link: AccessLink
    address: str
    mailed: bool


def _token(link: AccessLink) -> str:
    return signing.sign(f"accounts.{link.purpose}", link.public_id)


def open_link(token: str, purpose: str) -> AccessLink:
    """The link behind a token.

    Raises:
        NotFound: it is none, or does not work any more; the message says what to do.
    """
    public_id = signing.read(f"accounts.{purpose}", token, seconds=int(LIFETIMES[purpose].total_seconds()))
    query = select(AccessLink).where(
        AccessLink.public_id == (public_id or ""),
        AccessLink.purpose == purpose,
        AccessLink.used_at.is_(None),
        AccessLink.revoked_at.is_(None),
        AccessLink.expires_at > now(),
    )
    link = db.session.scalar(query)
    if link is None:
        raise NotFound(_("This link was used, was taken back, or is too old. Ask for a new one."))
    return link


def _use_up(link: AccessLink) -> None:
    """Mark a link as used, inside the caller's transaction; of two at the same moment one succeeds."""
    done = db.session.execute(
        update(AccessLink)
        .where(AccessLink.id == link.id, AccessLink.used_at.is_(None), AccessLink.revoked_at.is_(None))
        .values(used_at=now())
        .execution_options(synchronize_session=False)
    )
    if done.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE always gives a cursor result
        raise StateConflict(_("This link was used a moment ago."))


def _hold(user_id: int | None) -> None:
    """Wait, inside the caller's transaction(), until nobody else is at the links of an account.

    Before a link is touched, so that who sends one and who uses one do not wait for each other.
    """
    db.session.execute(select(User.id).where(User.id == user_id).with_for_update(key_share=True))


def _make(actor: Actor, purpose: str, **values: Any) -> AccessLink:
    link = AccessLink(purpose=purpose, made_by=actor.user_id, expires_at=now() + LIFETIMES[purpose], **values)
    db.session.add(link)
    db.session.flush()
    db.session.expire(link)  # its address was plain text so far
    return link


def ask_to_register(email: str, address: Address, sign_in: str) -> None:
    """Send a letter that leads on, to whoever reads that mailbox; the page says the same for every address.

    Args:
        address: makes the link's address.
        sign_in: address of the sign-in page, for those who have an account.
    """
    with transaction() as session:
        sent = session.scalar(
            select(func.count()).where(
                AccessLink.address_index == email_index(email), AccessLink.created_at > now() - timedelta(days=1)
            )
        )
        if (sent or 0) >= LETTERS_A_DAY:
            return
        link = _make(ANYONE, "register", address=email.strip(), address_index=email_index(email))
        if user_by_email(email) is not None:
            text = _(
                "Somebody asked for an account with this address. You have one: sign in at %(address)s. "
                "If it was not you, you need do nothing.",
                address=sign_in,
            )
        else:
            text = _(
                "Follow this link within 24 hours to make your account: %(address)s. "
                "If it was not you who asked, you need do nothing.",
                address=address(_token(link)),
            )
        mail.post(email, _("Your account at Bangnin"), text, key=f"register:{link.public_id}")


def register_by_link(token: str, name: str, password: str) -> User:
    """Make the account that a letter led to.

    Raises:
        InvalidInput: the address got an account meanwhile.
        NotFound, StateConflict: the link does not work any more.
    """
    hashed = hash_password(password)
    with transaction():
        link = open_link(token, "register")
        _use_up(link)
        return add_user(ANYONE, _address_of(link), name, hashed, roles=(Role.VOLUNTEER,), region=None)


def _address_of(link: AccessLink) -> str:
    return link.address.plain() if link.address else ""


def invite(
    actor: Actor,
    organization_id: int,
    organization_name: str,
    email: str,
    position: str,
    address: Address,
    *,
    first: bool = False,
) -> Sent:
    """Invite somebody into an organization; the caller checked that the actor may. Inside its transaction.

    Args:
        first: nobody answers for the organization, so it is not the organization that invites.
    Raises:
        InvalidInput: there is an invitation to this address that still works.
    """
    query = select(AccessLink.id).where(
        AccessLink.purpose == "join",
        AccessLink.organization_id == organization_id,
        AccessLink.address_index == email_index(email),
        AccessLink.used_at.is_(None),
        AccessLink.revoked_at.is_(None),
        AccessLink.expires_at > now(),
    )
    if db.session.scalar(query) is not None:
        raise InvalidInput(fields={"email": _("This address has an invitation. Take it back before you send another.")})
    link = _make(
        actor, "join", address=email.strip(), address_index=email_index(email),
        organization_id=organization_id, position=position,
    )  # fmt: skip
    url = address(_token(link))
    words = {"organization": organization_name, "address": url}
    if first:
        text = _(
            "You are asked to answer for %(organization)s at Bangnin as its manager. "
            "Follow this link within 7 days: %(address)s",
            **words,
        )
    else:
        text = _(
            "%(organization)s invites you to work with it at Bangnin. Follow this link within 7 days: %(address)s",
            **words,
        )
    mailed = mail.post(email, _("An invitation to an organization at Bangnin"), text, key=f"join:{link.public_id}")
    return Sent(link, url, mailed)


def join(actor: Actor, token: str) -> AccessLink:
    """The signed-in account becomes a member of the organization that invited; staff may become managers by it.

    Raises:
        AccessDenied: they sent the invitation, which is for somebody else.
        StateConflict: they are a member, or the link was used a moment ago.
    """
    with transaction() as session:
        link = open_link(token, "join")
        query = select(Membership.position).where(
            Membership.user_id == actor.user_id, Membership.organization_id == link.organization_id
        )
        position = session.scalar(query)
        if position is not None and (position, link.position) != ("staff", "manager"):
            raise StateConflict(_("You are a member of this organization already."))
        if actor.user_id is None or link.organization_id is None:
            raise NotFound
        if actor.user_id == link.made_by:
            raise AccessDenied(_("You sent this invitation. Only whoever it is for can follow it."))
        _use_up(link)
        if position is None:
            add_member(actor, actor.user_id, link.organization_id, link.position or "staff")
        else:
            set_position(actor, link.organization_id, own_user(actor).public_id, "manager")
        return link


def join_with_new_account(token: str, name: str, password: str) -> User:
    """Make an account for the address that was invited, and join.

    Raises:
        InvalidInput: the address has an account: they sign in first.
    """
    hashed = hash_password(password)
    with transaction():
        link = open_link(token, "join")
        user = add_user(ANYONE, _address_of(link), name, hashed, roles=(Role.VOLUNTEER,), region=None)
        join(actor_of(user), token)
        return user


def revoke(link: AccessLink) -> None:
    """Take back a link that nobody used, inside the caller's transaction.

    Raises:
        StateConflict: it was used.
    """
    done = db.session.execute(
        update(AccessLink)
        .where(AccessLink.id == link.id, AccessLink.used_at.is_(None), AccessLink.revoked_at.is_(None))
        .values(revoked_at=now())
        .execution_options(synchronize_session=False)
    )
    if done.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE always gives a cursor result
        raise StateConflict(_("This link was used or taken back already."))


def send_password_link(actor: Actor, user: User, address: Address) -> Sent:
    """A link by which the holder of an account sets a password; links sent before it stop working."""
    with transaction() as session:
        _hold(user.id)
        session.execute(
            update(AccessLink)
            .where(AccessLink.user_id == user.id, AccessLink.used_at.is_(None), AccessLink.revoked_at.is_(None))
            .values(revoked_at=now())
        )
        link = _make(actor, "password", user_id=user.id)
        url = address(_token(link))
        text = _("Follow this link within 3 days to set the password of your account: %(address)s", address=url)
        mailed = mail.post(user.email, _("Set your password at Bangnin"), text, key=f"password:{link.public_id}")
        audit.record(actor, "user:password_link_sent", user)
        return Sent(link, url, mailed)


def ask_for_password(email: str, address: Address) -> None:
    """Somebody forgot their password; the page says the same for every address."""
    with transaction() as session:
        user = user_by_email(email)
        if user is None or not user.active:
            return
        _hold(user.id)
        sent = session.scalar(
            select(func.count()).where(AccessLink.user_id == user.id, AccessLink.created_at > now() - timedelta(days=1))
        )
        if (sent or 0) < LETTERS_A_DAY:
            send_password_link(ANYONE, user, address)


def set_password_by_link(token: str, password: str) -> User:
    """Set the password that a link allows; every session of the account ends.

    Raises:
        NotFound, StateConflict: the link does not work any more.
    """
    hashed = hash_password(password)
    with transaction() as session:
        link = open_link(token, "password")
        _hold(link.user_id)
        _use_up(link)
        user = session.get_one(User, link.user_id)
        if not user.active:
            raise NotFound
        user.password = hashed
        end_all_sessions(actor_of(user), user, action="user:password_set")
        return user
