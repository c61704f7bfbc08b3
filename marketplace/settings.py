"""Settings from the environment, all optional; secrets are made once and kept with the instance."""

import base64
import importlib.util
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

LOCALES = ("zh_Hans_CN", "en")
_SHORT_LOCALES = {"zh": "zh_Hans_CN", "zh_CN": "zh_Hans_CN", "zh_Hans": "zh_Hans_CN", "en_US": "en", "en_GB": "en"}
MINIMUM_SECRET_LENGTH = 32


class SettingsError(ValueError):
    """A setting is missing or cannot be used; the message says which and what to do."""


@dataclass(frozen=True)
class Keys:
    """Secrets of an instance: session signing, field encryption (newest first), blind index."""

    secret_key: str = field(repr=False)
    field_keys: tuple[str, ...] = field(repr=False)
    index_key: str = field(repr=False)
    password_salt: str = field(repr=False)


@dataclass(frozen=True)
class Settings:
    """Where an instance lives and what it is connected to.

    Attributes:
        instance_dir: folder of every local file: database, index, queue, secrets.
        database_url: SQLAlchemy URL; SQLite inside the instance by default.
        redis_url: queue and rate limits past one machine; None means the in-process worker.
        index_dir: folder of the Whoosh index.
        mail_url: smtp://user:password@host:port, or None (no mail is sent).
        base_url: public address; https makes the instance a production one.
        default_locale: zh_Hans_CN or en.
        two_factor_required: whether staff must set up a second factor (TWO_FACTOR=required; optional when unset).
        capacity_grace_days: days after its month in which capacity that nobody confirmed is still matched.
        keys: secrets, from the environment or made once and kept in the instance.
    """

    instance_dir: Path
    database_url: str
    redis_url: str | None
    index_dir: Path
    mail_url: str | None
    base_url: str
    default_locale: str
    keys: Keys
    capacity_grace_days: int = 29
    two_factor_required: bool = False

    @property
    def production(self) -> bool:
        return self.base_url.startswith("https://")


def locale_of(text: str | None) -> str:
    """One of LOCALES for a locale name as people write it; Chinese when it is none of ours."""
    name = (text or "").strip().replace("-", "_").split(".")[0]
    name = _SHORT_LOCALES.get(name, name)
    return name if name in LOCALES else LOCALES[0]


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Raises:
        SettingsError: production (BASE_URL with https) without its own strong SECRET_KEY and FIELD_KEYS; a value that
            cannot be used.
    """
    environ = os.environ if environ is None else environ
    instance_dir = Path(environ.get("INSTANCE_DIR") or "instance").absolute()
    base_url = environ.get("BASE_URL") or "http://127.0.0.1:8000"
    production = base_url.startswith("https://")
    return Settings(
        instance_dir=instance_dir,
        database_url=_database_url(environ.get("DATABASE_URL") or f"sqlite:///{instance_dir / 'bangnin.db'}"),
        redis_url=_redis_url(environ.get("REDIS_URL") or ""),
        index_dir=Path(environ.get("INDEX_DIR") or instance_dir / "index").absolute(),
        mail_url=environ.get("MAIL_URL") or None,
        base_url=base_url.rstrip("/"),
        default_locale=locale_of(environ.get("DEFAULT_LOCALE")),
        keys=_keys(environ, instance_dir, production=production),
        two_factor_required=_two_factor_required(environ),
        capacity_grace_days=_days(environ, "CAPACITY_GRACE_DAYS", 29),
    )


def _two_factor_required(environ: Mapping[str, str]) -> bool:
    text = environ.get("TWO_FACTOR") or "optional"
    if text not in ("optional", "required"):
        raise SettingsError(f"TWO_FACTOR must be optional or required, not {text!r}")
    return text == "required"


def _days(environ: Mapping[str, str], name: str, usual: int) -> int:
    """A number of days, 0 to 366.

    Raises:
        SettingsError: it is none.
    """
    text = environ.get(name) or str(usual)
    if not text.isascii() or not text.isdigit() or int(text) > 366:
        raise SettingsError(f"{name} must be a number of days from 0 to 366, not {text!r}")
    return int(text)


def _database_url(url: str) -> str:
    """A database that we know, PostgreSQL through psycopg 3 however the URL names it.

    Raises:
        SettingsError: it is none, or its driver is not installed.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            url = "postgresql+psycopg://" + url.removeprefix(prefix)
    try:
        kind = make_url(url).get_backend_name()
    except (ArgumentError, ValueError):
        kind = ""
    if kind not in ("sqlite", "postgresql"):
        raise SettingsError("DATABASE_URL must look like postgresql://user:password@host:port/name")
    if kind == "postgresql":
        _need("psycopg", "postgresql", "DATABASE_URL")
    return url


def _redis_url(url: str) -> str | None:
    """Raises SettingsError where it is no address of a Redis, or its driver is not installed."""
    if not url:
        return None
    if not url.startswith(("redis://", "rediss://")):
        raise SettingsError("REDIS_URL must look like redis://host:port/0 or rediss://…")
    _need("redis", "redis", "REDIS_URL")
    return url


def _need(module: str, extra: str, name: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise SettingsError(f"{name} needs the package {module}: pip install --editable '.[{extra}]'")


def _keys(environ: Mapping[str, str], instance_dir: Path, *, production: bool) -> Keys:
    given_secret = environ.get("SECRET_KEY") or ""
    given_fields = tuple(key.strip() for key in (environ.get("FIELD_KEYS") or "").split(",") if key.strip())
    if production:
        if len(given_secret) < MINIMUM_SECRET_LENGTH:
            raise SettingsError(
                f"SECRET_KEY must be set to at least {MINIMUM_SECRET_LENGTH} random characters where BASE_URL is https"
            )
        if not given_fields:
            raise SettingsError("FIELD_KEYS must be set where BASE_URL is https (marketplace doctor prints a new one)")
    kept = {} if given_secret and given_fields else _kept_keys(instance_dir)
    fields = given_fields or tuple(kept["field_keys"])
    # Of the oldest field key, which stays as long as the data: so two settings are enough for every process of a site,
    # those of an instance can move into the environment, and a new SECRET_KEY ends sessions but no password.
    return Keys(
        secret_key=str(given_secret or kept["secret_key"]),
        field_keys=fields,
        index_key=environ.get("INDEX_KEY") or str(kept.get("index_key") or f"blind-index:{fields[-1]}"),
        password_salt=environ.get("PASSWORD_SALT") or str(kept.get("password_salt") or f"password-salt:{fields[-1]}"),
    )


def make_folder(instance_dir: Path) -> None:
    """The instance's folder, for its owner alone.

    Raises:
        SettingsError: it cannot be made, or nothing can be written there.
    """
    try:
        instance_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise SettingsError(f"INSTANCE_DIR {instance_dir} cannot be made: {error.strerror}") from error
    if not os.access(instance_dir, os.W_OK | os.X_OK):
        raise SettingsError(f"INSTANCE_DIR {instance_dir} cannot be written to by this user")


def _kept_keys(instance_dir: Path) -> dict[str, list[str] | str]:
    """The instance's own secrets, made on first use in a file that only its owner can read."""
    path = instance_dir / "secrets.json"
    make_folder(instance_dir)
    if not path.exists():
        made = {"secret_key": secrets.token_urlsafe(48), "field_keys": [new_field_key()]}
        draft = path.with_suffix(f".{os.getpid()}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(made, file)
        try:
            os.link(draft, path)  # first process wins; the others read what it wrote
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return dict(json.loads(path.read_text()))


def new_field_key() -> str:
    """A new key for encrypted columns: 32 random bytes, URL-safe base64."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
