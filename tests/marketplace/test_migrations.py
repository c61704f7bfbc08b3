"""A database that was upgraded step by step has what the models say, rules included."""

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import Engine, create_engine, inspect

from marketplace import create_app
from marketplace.extensions import db
from tests.conftest import settings_in
from tests.support.servers import postgresql_cluster, postgresql_url

__all__ = ["postgresql_cluster", "postgresql_url"]


def _schema(engine: Engine) -> dict[str, dict[str, Any]]:
    inspector = inspect(engine)
    return {
        table: {
            "columns": {
                column["name"]: (str(column["type"]), column["nullable"]) for column in inspector.get_columns(table)
            },
            "checks": {
                rule["name"]: " ".join(rule["sqltext"].split()) for rule in inspector.get_check_constraints(table)
            },
            "indexes": {
                index["name"]: (
                    index["column_names"],
                    bool(index["unique"]),
                    str(index.get("dialect_options", {}).get("sqlite_where", "")),
                )
                for index in inspector.get_indexes(table)
            },
            "unique": sorted(str(rule["column_names"]) for rule in inspector.get_unique_constraints(table)),
            "foreign": sorted(
                f"{key['constrained_columns']} -> {key['referred_table']}" for key in inspector.get_foreign_keys(table)
            ),
        }
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }


@pytest.fixture(scope="module")
def schemas(
    migrated: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> tuple[Any, Any]:
    upgraded = create_engine(f"sqlite:///{migrated}")
    fresh = create_engine(f"sqlite:///{tmp_path_factory.mktemp('schema') / 'fresh.db'}")
    db.metadata.create_all(fresh)
    found = _schema(upgraded), _schema(fresh)
    upgraded.dispose()
    fresh.dispose()
    return found


def test_the_same_tables(schemas: tuple[Any, Any]) -> None:
    upgraded, fresh = schemas
    assert set(upgraded) == set(fresh)
    assert len(fresh) > 15


@pytest.mark.parametrize("part", ["columns", "checks", "indexes", "unique", "foreign"])
def test_the_same_in_each_table(schemas: tuple[Any, Any], part: str) -> None:
    upgraded, fresh = schemas
    different = {
        table: (upgraded[table][part], fresh[table][part])
        for table in fresh
        if upgraded[table][part] != fresh[table][part]
    }
    assert different == {}


def test_a_changed_rule_would_be_seen(app: Flask) -> None:
    assert any("allocated" in text for text in _schema(db.engine)["capacity"]["checks"].values())


def test_rows_of_an_older_version_outlive_the_upgrade(tmp_path: Path) -> None:
    old = create_app(settings_in(tmp_path))
    with old.app_context():
        upgrade(revision="0002")
        now = "2026-01-01 00:00:00"
        with db.engine.begin() as connection:
            connection.exec_driver_sql(
                "INSERT INTO organization (id, name, kind, region, summary, state, public_id, version, created_at,"
                " imported)"
                f" VALUES (1, '某公司', 'merchant', '640202', '', 'verified', 'a', 1, '{now}', FALSE)"
            )
            connection.exec_driver_sql(
                "INSERT INTO project (id, organization_id, region, title, summary, funding, state, public_id, version,"
                f" created_at, imported) VALUES (1, 1, '640202', '送餐', '', 'charity', 'open', 'b', 1, '{now}', FALSE)"
            )
        upgrade()
        with db.engine.connect() as connection:
            kept = connection.exec_driver_sql("SELECT project.title, organization.name FROM project JOIN organization")
            assert kept.fetchall() == [("送餐", "某公司")]
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall() == []
        db.engine.dispose()


@pytest.mark.postgresql
def test_postgresql_takes_every_migration(tmp_path: Path, postgresql_url: str) -> None:
    site = create_app(settings_in(tmp_path, DATABASE_URL=postgresql_url))
    with site.app_context():
        upgrade()
        tables = set(inspect(db.engine).get_table_names())
        assert set(db.metadata.tables) <= tables
        db.engine.dispose()
