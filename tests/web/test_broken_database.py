"""A fault is told on a page of its own, even when the database is what is broken."""

from flask import Flask

from marketplace.extensions import db
from tests.support.client import Browser


def test_a_broken_database_still_gives_a_page_and_says_nothing_of_itself(app: Flask, client: Browser) -> None:
    app.config["SHOW_500"] = True
    with db.engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        for table in ("need", "instance_fact", "organization"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
    answer = client.get("/")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 500
    assert "<main" in page
    assert "no such table" not in page
    assert "Traceback" not in page
