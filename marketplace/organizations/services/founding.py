"""Founding an alliance, and what its page says of it."""

import uuid

from flask_babel import lazy_gettext as _
from sqlalchemy import select, update

from marketplace import audit, events, regions
from marketplace.errors import InvalidInput, StateConflict
from marketplace.extensions import db
from marketplace.organizations.models import Alliance
from marketplace.organizations.services.alliance_work import load_managed
from marketplace.permissions import Actor, Permission, may_reach
from marketplace.transitions import transaction


def found_alliance(actor: Actor, *, name: str, name_en: str, region: str, summary: str) -> Alliance:
    """A coordinator founds an alliance for their region or one below it; members join afterwards.

    Raises:
        InvalidInput: the region is not the actor's, or an alliance there has the name.
    """
    alliance = Alliance(
        slug=f"a-{uuid.uuid4().hex[:8]}", name=name.strip(), name_en=name_en.strip() or None, region=region,
        summary=summary.strip(),
    )  # fmt: skip
    if not regions.exists(region) or not may_reach(actor, Permission.ALLIANCE_FOUND, alliance):
        raise InvalidInput(fields={"region": _("Choose a region that you serve.")})
    with transaction() as session:
        _expect_new_name(alliance.name, region)
        session.add(alliance)
        session.flush()
        audit.record(actor, "alliance:created", alliance)
        events.changed.send("alliance", ids=[alliance.id])
        return alliance


def edit_alliance(actor: Actor, slug: str, version: int, *, name: str, name_en: str, summary: str) -> Alliance:
    """Those who run an alliance change what its page says.

    Args:
        version: of the alliance that the sender had before them.
    Raises:
        InvalidInput: another alliance of the region has the name.
        NotFound: it is not the actor's to run.
        StateConflict: somebody else changed it meanwhile.
    """
    values = {"name": name.strip(), "name_en": name_en.strip() or None, "summary": summary.strip()}
    with transaction() as session:
        alliance = load_managed(actor, slug, lock=True)
        _expect_new_name(values["name"] or "", alliance.region, other_than=alliance.id)
        changed = [column for column, value in values.items() if getattr(alliance, column) != value]
        done = session.execute(
            update(Alliance)
            .where(Alliance.id == alliance.id, Alliance.version == version)
            .values(version=Alliance.version + 1, **values)
            .execution_options(synchronize_session=False)
        )
        if done.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE always gives a cursor result
            raise StateConflict
        session.expire(alliance)
        audit.record(actor, "alliance:edited", alliance, changed=changed)
        events.changed.send("alliance", ids=[alliance.id])
        return alliance


def _expect_new_name(name: str, region: str, other_than: int = 0) -> None:
    query = select(Alliance.id).where(Alliance.name == name, Alliance.region == region, Alliance.id != other_than)
    if db.session.scalar(query) is not None:
        raise InvalidInput(fields={"name": _("An alliance of this region has this name.")})
