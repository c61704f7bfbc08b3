"""A household's consents as its needs see them: copied when posted, gone when taken back."""

from datetime import date

from sqlalchemy import or_, select

from marketplace.cases.models import Consent
from marketplace.extensions import db


def live_consent(case_id: int, purpose: str, on: date) -> Consent | None:
    """The household's newest consent to a purpose that holds on a day, or None."""
    query = (
        select(Consent)
        .where(
            Consent.case_id == case_id,
            Consent.purpose == purpose,
            Consent.given_on <= on,
            Consent.withdrawn_on.is_(None),
            or_(Consent.expires_on.is_(None), Consent.expires_on >= on),
        )
        .order_by(Consent.given_on.desc(), Consent.id.desc())
    )
    return db.session.scalars(query).first()
