"""Work without a page: every job, sweeper and command runs over canaries; one that is registered and not here fails."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import select

from marketplace import jobs
from marketplace.cli import COMMANDS, group
from marketplace.extensions import db
from marketplace.matches.models import MatchRun
from marketplace.permissions import Role
from tests.support.canary import CanaryWatch
from tests.support.past import a_backtest
from tests.support.world import CANARIES, a_capacity, a_case, a_need, a_run, a_user, a_wish

#: Job -> the ids that it is asked with, of rows made for it.
JOBS: dict[str, Callable[[], tuple[int, ...]]] = {
    "mail.deliver": tuple,
    "matches.backtest": lambda: (a_backtest(state="queued", progress=0, finished_at=None, summary={}).id,),
    "matches.run": lambda: (a_run(state="queued", progress=0).id,),
    "search.catch_up": tuple,
}
SWEEPERS = {
    "allocations.services.guests._forget_every_minute", "allocations.services.reminders._remind_every_minute",
    "allocations.services.returns._expire_every_minute", "exchange.incoming.forget", "idempotency.forget_old_keys",
    "mail.deliver_what_is_due", "matches.foresight.services.backtests.review_monthly",
    "matches.foresight.services.backtests.take_up_lost_backtests",
    "matches.holds.services.lapsing.end_lapsed_requests", "matches.services.performing.take_up_lost_runs",
    "matches.services.runs.forget_trials", "matches.services.runs.start_nightly_runs",
    "needs.services.follow_the_calendar", "notifications.services.forget_old",
    "notifications.services.send_digests", "projects.services.asking.ask_by_itself",
    "projects.services.recurring.renew_by_itself", "search.services.catch_up_if_behind",
}  # fmt: skip
#: Command -> what it is asked, over a database that holds canaries.
RUN = {
    "audit": ["audit", "verify"],
    "doctor": ["doctor"],
    "export": ["export", "cases", "cases.csv"],
    "reindex": ["reindex"],
    "run": ["run", "--region", "640202"],
    "search": ["search", CANARIES["phone"], "--json"],
    "upgrade": ["upgrade"],
}
NOT_RUN = {
    "demo": "writes invented people alone; tests/marketplace/test_demo_records.py reads all of them",
    "import": "reads files, which hold no personal column; tests/marketplace/exchange is scanned as it runs",
    "init": "works on a database without people",
    "match": "reads and writes files and opens no database; tests/marketplace/matches/test_match_outputs.py",
    "serve": "its answers are those of the application, scanned by the whole suite",
    "simulate": "reads and writes files and opens no database; tests/marketplace/matches/test_simulate_command.py",
    "worker": "does the jobs and sweepers above",
}


def _a_world() -> None:
    a_user(Role.CASEWORKER, email=CANARIES["email"])
    case = a_case()
    a_need(case)
    a_wish(case)
    a_need(a_case(restricted=True))
    a_capacity()


def test_every_job_and_sweeper_runs_over_canaries(app: Flask) -> None:
    """The scan of the fixture reads the log, the queue, the index, the archives and the letters that they leave."""
    named = {f"{work.__module__.removeprefix('marketplace.')}.{work.__name__}" for work in jobs._SWEEPERS}
    assert named == SWEEPERS
    assert set(jobs._TASKS) == set(JOBS)
    _a_world()
    for work in jobs._SWEEPERS:
        work()
    for name, ids in JOBS.items():
        jobs._TASKS[name](*ids())
    db.session.rollback()
    jobs.work_off(app)
    assert db.session.scalars(select(MatchRun.state)).all() == ["done"]


def test_every_command_tells_no_canary(
    app: Flask, canary: CanaryWatch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(COMMANDS) == set(RUN) | set(NOT_RUN)
    _a_world()
    db.session.rollback()
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "REDIS_URL", "INDEX_DIR", "MAIL_URL", "BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    environment = {"INSTANCE_DIR": str(tmp_path), "SECRET_KEY": "s" * 40, "FIELD_KEYS": "k" * 40}
    for name, arguments in RUN.items():
        done = CliRunner().invoke(group, arguments, env=environment)
        assert done.exit_code == 0 or name == "doctor", (name, done.output)
        assert [kind for kind, value in CANARIES.items() if value in done.output and value not in arguments] == [], name
    written = (tmp_path / "cases.csv").read_text("utf-8")
    assert [kind for kind, value in CANARIES.items() if value in written] == []
    assert canary.found == []
