"""Signed addresses for people without an account: bound to one purpose, and read back only within their time."""

import hashlib

from flask import current_app
from itsdangerous import BadSignature, URLSafeTimedSerializer


def _signer(purpose: str) -> URLSafeTimedSerializer:
    key = current_app.extensions["marketplace.settings"].keys.secret_key
    return URLSafeTimedSerializer(key, salt=f"bangnin.{purpose}", signer_kwargs={"digest_method": hashlib.sha256})


def sign(purpose: str, text: str) -> str:
    """A token for an address; it opens for the same purpose alone.

    Args:
        purpose: names what the token is for, e.g. "allocation.answer".
        text: what it stands for: a random public id, never personal data.
    """
    return str(_signer(purpose).dumps(text))


def read(purpose: str, token: str, *, seconds: int) -> str | None:
    """The text of a token, or None where it is forged, for another purpose, or older than `seconds`."""
    try:
        text = _signer(purpose).loads(token, max_age=seconds)
    except BadSignature:  # also of tokens past their time
        return None
    return text if isinstance(text, str) else None
