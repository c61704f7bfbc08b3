"""Settings: nothing is needed to start; production insists on its own secrets."""

import json
import stat
from importlib.util import find_spec
from pathlib import Path

import pytest

from marketplace import create_app
from marketplace.privacy import Keyring
from marketplace.settings import Keys, SettingsError, load, locale_of, new_field_key


def test_nothing_needs_to_be_set(tmp_path: Path) -> None:
    settings = load({"INSTANCE_DIR": str(tmp_path / "one")})
    assert settings.database_url == f"sqlite:///{tmp_path}/one/bangnin.db"
    assert settings.default_locale == "zh_Hans_CN"
    assert not settings.production


def test_missing_keys_are_made_once_and_readable_by_the_owner_alone(tmp_path: Path) -> None:
    first, second = (load({"INSTANCE_DIR": str(tmp_path)}).keys for _ in range(2))
    assert first == second
    assert len(first.secret_key) >= 32
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("given", [{}, {"SECRET_KEY": "short"}, {"SECRET_KEY": "s" * 40}])
def test_production_refuses_to_start_without_its_own_secrets(tmp_path: Path, given: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="must be set"):
        load({"INSTANCE_DIR": str(tmp_path), "BASE_URL": "https://bangnin.example", **given})


def test_secrets_never_show_in_a_representation(tmp_path: Path) -> None:
    settings = load({"INSTANCE_DIR": str(tmp_path), "SECRET_KEY": "very-secret-" * 4, "FIELD_KEYS": new_field_key()})
    assert "very-secret" not in repr(settings)


def test_postgresql_addresses_name_the_driver(tmp_path: Path) -> None:
    for given in ("postgres://host/db", "postgresql://host/db"):
        settings = load({"INSTANCE_DIR": str(tmp_path), "DATABASE_URL": given})
        assert settings.database_url == "postgresql+psycopg://host/db"


@pytest.mark.parametrize(
    ("text", "locale"), [("zh-CN", "zh_Hans_CN"), ("en_GB.UTF-8", "en"), ("fr", "zh_Hans_CN"), (None, "zh_Hans_CN")]
)
def test_locales_as_people_write_them(text: str | None, locale: str) -> None:
    assert locale_of(text) == locale


def test_an_older_key_still_opens_what_it_sealed() -> None:
    old, new = new_field_key(), new_field_key()
    token = Keyring(Keys("s", (old,), "i", "p")).seal("person.name", "某人")
    assert Keyring(Keys("s", (new, old), "i", "p")).open("person.name", token) == "某人"
    with pytest.raises(ValueError, match="no key opens"):
        Keyring(Keys("s", (new,), "i", "p")).open("person.name", token)


def test_a_route_without_a_permission_stops_the_application_from_starting(tmp_path: Path) -> None:
    from marketplace.permissions import check_every_route_is_declared

    app = create_app(load({"INSTANCE_DIR": str(tmp_path)}))
    app.add_url_rule("/forgotten", "forgotten", lambda: "")
    with pytest.raises(RuntimeError, match="forgotten"):
        check_every_route_is_declared(app)


def test_a_second_factor_is_optional_or_required(tmp_path: Path) -> None:
    assert not load({"INSTANCE_DIR": str(tmp_path)}).two_factor_required
    assert load({"INSTANCE_DIR": str(tmp_path), "TWO_FACTOR": "required"}).two_factor_required
    with pytest.raises(SettingsError, match="TWO_FACTOR"):
        load({"INSTANCE_DIR": str(tmp_path), "TWO_FACTOR": "yes"})


def test_an_instance_moves_its_secrets_into_the_environment(tmp_path: Path) -> None:
    of_its_own = load({"INSTANCE_DIR": str(tmp_path)}).keys
    kept = json.loads((tmp_path / "secrets.json").read_text())
    given = {"SECRET_KEY": kept["secret_key"], "FIELD_KEYS": kept["field_keys"][0]}
    assert load({"INSTANCE_DIR": str(tmp_path / "elsewhere"), **given}).keys == of_its_own


def test_a_new_secret_key_and_a_newer_field_key_leave_passwords_and_accounts_found(tmp_path: Path) -> None:
    before, after = (
        load({"INSTANCE_DIR": str(tmp_path), "SECRET_KEY": secret * 40, "FIELD_KEYS": fields}).keys
        for secret, fields in (("a", "old"), ("b", "new, old"))
    )
    assert (before.password_salt, before.index_key) == (after.password_salt, after.index_key)
    assert before.secret_key != after.secret_key
    assert after.field_keys == ("new", "old")


@pytest.mark.parametrize(
    "given",
    [
        {"DATABASE_URL": "nonsense"},
        {"DATABASE_URL": "mysql://host/db"},
        {"DATABASE_URL": "postgresql://host:port/db"},
        {"REDIS_URL": "nonsense"},
        {"REDIS_URL": "http://127.0.0.1"},
        {"INSTANCE_DIR": "/dev/null/instance"},
        {"INSTANCE_DIR": "/dev/null"},
    ],
)
def test_what_cannot_be_used_is_told_by_the_name_of_its_setting(tmp_path: Path, given: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=next(iter(given))):
        load({"INSTANCE_DIR": str(tmp_path), **given})


@pytest.mark.parametrize(
    ("module", "given"),
    [("psycopg", {"DATABASE_URL": "postgresql://host/db"}), ("redis", {"REDIS_URL": "redis://127.0.0.1/0"})],
)
def test_a_driver_that_is_not_installed_is_told_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, given: dict[str, str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == module else find_spec(name))
    with pytest.raises(SettingsError, match=f"package {module}: pip install"):
        load({"INSTANCE_DIR": str(tmp_path), **given})
