"""Personal data: encryption at rest, masking, reveal().

An encrypted column gives a `Sealed` value: text made of it is masked, its plain text comes only from `reveal()`,
which is audited.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from flask import current_app
from sqlalchemy import String, TypeDecorator

from marketplace import audit
from marketplace.settings import Keys
from marketplace.transitions import transaction

_SEPARATOR = "\x1f"


class Keyring:
    """Keys of an instance: the newest encrypts, all decrypt."""

    def __init__(self, keys: Keys) -> None:
        self._cipher = MultiFernet([Fernet(_fernet_key(key)) for key in keys.field_keys])
        self._index_key = keys.index_key.encode()

    def seal(self, field: str, text: str) -> str:
        return self._cipher.encrypt(f"{field}{_SEPARATOR}{text}".encode()).decode()

    def open(self, field: str, token: str) -> str:
        """Plain text of a token.

        Raises:
            ValueError: no key fits, or the token was sealed for another column.
        """
        try:
            name, _, text = self._cipher.decrypt(token.encode()).decode().partition(_SEPARATOR)
        except InvalidToken as error:
            raise ValueError(f"no key opens a value of {field}") from error
        if name != field:
            raise ValueError(f"a value sealed for {name} stands in {field}")
        return text

    def blind_index(self, field: str, text: str) -> str:
        """Keyed digest for equality search on an encrypted column, 64 hex digits."""
        return hmac.new(self._index_key, f"{field}{_SEPARATOR}{text}".encode(), hashlib.sha256).hexdigest()


def _fernet_key(key: str) -> bytes:
    """Fernet's own keys as they are; any other text is stretched to one."""
    try:
        if len(base64.urlsafe_b64decode(key)) == 32:
            return key.encode()
    except ValueError:
        pass
    return base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest())


def keyring() -> Keyring:
    """The running application's keys."""
    ring: Keyring = current_app.extensions["marketplace.keyring"]
    return ring


def blind_index(field: str, text: str) -> str:
    """Keyed digest of a normalised value (case, spaces), to find it without storing it in the clear."""
    return keyring().blind_index(field, "".join(text.split()).casefold())


def mask_name(text: str) -> str:
    """张三丰 -> 张**; Ann Lee -> A**."""
    return f"{text[:1]}**" if text else ""


def mask_id_number(text: str) -> str:
    """640202********1234."""
    return f"{text[:3]}{'*' * max(len(text) - 7, 1)}{text[-4:]}" if len(text) > 7 else "*" * len(text)


def mask_phone(text: str) -> str:
    """138****1234."""
    return f"{text[:3]}****{text[-4:]}" if len(text) > 7 else "*" * len(text)


def mask_email(text: str) -> str:
    name, _, domain = text.partition("@")
    return f"{name[:1]}***@{domain}" if domain else "***"


def mask_all(_text: str) -> str:
    return "******"


class Sealed:
    """A personal value in its envelope: str() masks it; only privacy.reveal() gives the plain text."""

    __slots__ = ("_field", "_mask", "_token")

    def __init__(self, field: str, token: str, mask: Callable[[str], str]) -> None:
        self._field, self._token, self._mask = field, token, mask

    def __str__(self) -> str:
        return self._mask(keyring().open(self._field, self._token))

    def __html__(self) -> str:
        from markupsafe import escape

        return escape(str(self))

    def __repr__(self) -> str:
        return f"<sealed {self._field}>"

    def __bool__(self) -> bool:
        return True

    def plain(self) -> str:
        """Plain text without a trace: for reveal(), for sealing anew and for a user's own account only."""
        return keyring().open(self._field, self._token)


class Encrypted(TypeDecorator[Any]):
    """Text encrypted at rest, bound to its field name; reads as `Sealed`.

    Args:
        field: "table.column"; a token copied into another column does not open there.
        mask: how its text looks to those who may not see it.
    """

    impl = String
    cache_ok = True

    def __init__(self, field: str = "", mask: Callable[[str], str] = mask_all) -> None:
        super().__init__()
        self.field, self.mask = field, mask

    def process_bind_param(self, value: Any, _dialect: Any) -> str | None:
        if value is None or value == "":
            return None
        return keyring().seal(self.field, value.plain() if isinstance(value, Sealed) else str(value))

    def process_result_value(self, value: str | None, _dialect: Any) -> Sealed | None:
        return None if value is None else Sealed(self.field, value, self.mask)


def reveal(actor: Any, row: Any, fields: tuple[str, ...], reason: str) -> dict[str, str]:
    """Plain text of sealed fields of one record, leaving an audit event of who looked at what and why.

    The caller has loaded the row through the actor's scope. Opens its own transaction when none is open.
    """
    plain = {name: value.plain() if (value := getattr(row, name)) else "" for name in fields}
    with transaction():
        audit.record(actor, f"{row.__tablename__}:reveal", row, changed=list(fields), reason=reason)
    return plain
