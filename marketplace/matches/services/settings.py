"""How a region or an alliance is matched: its policy, and a run every night."""

from dataclasses import dataclass, fields
from typing import Any

from flask_babel import lazy_gettext as _
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from marketplace import audit, events, regions
from marketplace.errors import AccessDenied, InvalidInput, StateConflict
from marketplace.extensions import db
from marketplace.matches.models import RunSetting
from marketplace.organizations.models import Alliance
from marketplace.permissions import Actor, Permission
from marketplace.permissions import Scope as Reach
from marketplace.records import LOCAL_TIME, now, today
from marketplace.transitions import transaction
from matching import Policy

HOUR = 2
"""The local hour of nightly runs, unless told."""


SITE_POLICY = Policy(yellow_after_days=60, red_after_days=30)
"""What holds where nobody has set anything: nobody waits for ever."""

CHANGED_MEANWHILE = _("Somebody changed these settings meanwhile. Look at them again, then save.")


@dataclass(frozen=True)
class Setting:
    """What holds for a scope.

    Attributes:
        policy: of its runs.
        source: region (and alliance key) that it was set for; None where nobody has set any.
        nightly, hour: whether a run starts every night, and at which local hour.
        version: of the scope's own setting, for an optimistic edit; 0 where it has none.
    """

    policy: Policy
    source: tuple[str, int | None] | None
    nightly: bool = False
    hour: int = HOUR
    version: int = 0


def check_region(actor: Actor, region: str) -> None:
    """Refuse a region that is unknown or not the actor's to match.

    Raises:
        InvalidInput, AccessDenied.
    """
    if not regions.exists(region):
        raise InvalidInput(fields={"region": _("Choose a region of the list.")})
    reach = actor.scopes(Permission.RUN_START)
    whole = Reach.ALL in reach
    own = Reach.REGION in reach and actor.region is not None and regions.contains(actor.region, region)
    if not (whole or own):
        raise AccessDenied(_("You can match the region that you serve, and what is below it."))


def alliance_key(slug: str | None) -> int | None:
    """The key of an alliance by its slug; None for none.

    Raises:
        InvalidInput: there is no such alliance.
    """
    if not slug:
        return None
    key = db.session.scalar(select(Alliance.id).where(Alliance.slug == slug))
    if key is None:
        raise InvalidInput(fields={"alliance": _("Choose an alliance of the list.")})
    return key


def policy_of(told: dict[str, Any], base: Policy | None = None) -> Policy:
    """A policy as it was stored; keys that a later version no longer has are left out.

    Args:
        base: what it was stored as different from; None for a policy that was stored whole.
    """
    known = {field.name for field in fields(Policy)}
    whole = base.as_dict() if base else {}
    return Policy(**(whole | {name: value for name, value in told.items() if name in known}))


def policy_for(region: str, alliance_id: int | None = None) -> Policy:
    """The policy of a scope's runs: its own, else that of its region, else of a region above, else the default."""
    return setting_for(region, alliance_id).policy


def setting_for(region: str, alliance_id: int | None = None) -> Setting:
    """What holds for a scope. The policy is inherited from the regions above; nightly runs are the scope's own."""
    chain = [region, *(upper.code for upper in reversed(regions.ancestors(region)))]
    query = select(RunSetting).where(
        RunSetting.region.in_(chain), RunSetting.alliance_id.is_(None) | (RunSetting.alliance_id == alliance_id)
    )
    found = {(row.region, row.alliance_id): row for row in db.session.scalars(query)}
    own = found.get((region, alliance_id))
    places = [(place, key) for place in chain for key in dict.fromkeys((alliance_id, None))]
    source = next((place for place in places if place in found), None)
    policy = policy_of(found[source].policy, SITE_POLICY) if source else SITE_POLICY
    if own is None:
        return Setting(policy, source)
    return Setting(policy, source, own.nightly, own.nightly_hour, own.version)


def setting_of(actor: Actor, region: str, alliance: str | None) -> Setting:
    """The same for a reader who may match the region.

    Raises:
        InvalidInput, AccessDenied: as in `runs.start`.
    """
    check_region(actor, region)
    return setting_for(region, alliance_key(alliance))


def save(
    actor: Actor, region: str, alliance: str | None, policy: Policy, *, nightly: bool, hour: int, version: int
) -> None:
    """Set the policy of a scope's runs, and whether one starts every night.

    Args:
        version: that the sender had before them; 0 for a scope without a setting of its own.
    Raises:
        InvalidInput, AccessDenied: as in `runs.start`.
        StateConflict: somebody changed it meanwhile.
    """
    check_region(actor, region)
    default = SITE_POLICY.as_dict()
    differing = {name: value for name, value in policy.as_dict().items() if value != default[name]}
    if not 0 <= hour <= 23:
        raise InvalidInput(fields={"hour": _("Choose an hour of the list.")})
    with transaction() as session:
        alliance_id = alliance_key(alliance)
        row = session.scalar(
            select(RunSetting)
            .where(RunSetting.region == region, RunSetting.alliance_id.is_not_distinct_from(alliance_id))
            .with_for_update()
        )
        if (row.version if row else 0) != version:
            raise StateConflict(CHANGED_MEANWHILE)
        if row is None:
            row = RunSetting(region=region, alliance_id=alliance_id, started_on=None)
            session.add(row)
        else:
            row.version += 1
        before = dict(row.policy or {})
        changed = sorted(
            {name for name in {*before, *differing} if before.get(name) != differing.get(name)}
            | ({"nightly"} if (row.nightly or False) != nightly else set())
            | ({"nightly_hour"} if row.nightly_hour != hour else set())
        )
        row.policy, row.nightly, row.nightly_hour = differing, nightly, hour
        if hour <= now().astimezone(LOCAL_TIME).hour:  # tonight's hour has passed: the first run is tomorrow's
            row.started_on = today()
        try:
            session.flush()
        except IntegrityError as error:  # another was first to set this scope
            raise StateConflict(CHANGED_MEANWHILE) from error
        audit.record(actor, "run_setting:edited", row, changed=changed)
        events.changed.send("run_setting", ids=[row.id])


def due_nights() -> list[RunSetting]:
    """Take tonight's runs that are due: each is given to one caller alone, however many workers ask."""
    local = now().astimezone(LOCAL_TIME)
    day = today()
    waiting = select(RunSetting.id).where(
        RunSetting.nightly,
        RunSetting.nightly_hour <= local.hour,
        RunSetting.started_on.is_distinct_from(day),
    )
    taken = []
    for key in list(db.session.scalars(waiting)):
        with transaction() as session:
            done = session.execute(
                update(RunSetting)
                .where(RunSetting.id == key, RunSetting.started_on.is_distinct_from(day))
                .values(started_on=day)
                .execution_options(synchronize_session=False)
            )
            if done.rowcount == 1:  # type: ignore[attr-defined]  # an UPDATE always gives a cursor result
                taken.append(key)
    return list(db.session.scalars(select(RunSetting).where(RunSetting.id.in_(taken))))
