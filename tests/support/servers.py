"""Real servers for tests: a PostgreSQL cluster and a Redis, each started for the session in a folder of its own.

One cluster serves everything that a process tests; new databases are copies of one that has every migration.
Where the programs are missing, tests that ask for them are skipped with the reason, and fail under CI=true.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cache
from pathlib import Path

import psycopg
import pytest
import redis
from flask_migrate import upgrade

from marketplace import create_app
from marketplace.extensions import db
from tests.support.instances import settings_in
from tests.support.world import an_assessment

POSTGRESQL = Path("/usr/lib/postgresql/15/bin")
#: A new database is half a second of writing files on a disk, and a fortieth of one in memory.
MEMORY = Path("/dev/shm")  # noqa: S108  # folders of our own in it
ENOUGH_BYTES = 4 * 1024**3


def missing(reason: str) -> None:
    """Skip where a developer has no such server; fail where everything must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} (CI=true: this must not be left out)")
    pytest.skip(reason)


def _as_postgres(*command: str | Path) -> None:
    """Run as the user postgres where we are root, which PostgreSQL refuses to be."""
    words = [str(word) for word in command]
    if os.geteuid() == 0:
        words = ["runuser", "-u", "postgres", "--", *words]
    subprocess.run(words, check=True, capture_output=True, cwd="/tmp", timeout=60)  # noqa: S108  # open to postgres


def _roomy() -> Path | None:
    """Where to keep a cluster: in memory where there is enough of it, else where temporary files are."""
    return MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ENOUGH_BYTES else None


@contextmanager
def a_postgresql_cluster() -> Iterator[str]:
    """Folder of the Unix socket of a running cluster, whose superuser postgres needs no password."""
    folder = Path(tempfile.mkdtemp(prefix="bangnin-postgresql-", dir=_roomy()))
    data = folder / "data"
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    try:
        _as_postgres(
            POSTGRESQL / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8",
            "--no-sync",
        )  # fmt: skip
        options = (
            f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off -c full_page_writes=off "
            "-c max_wal_size=128MB"
        )
        _as_postgres(POSTGRESQL / "pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "start")
        try:
            yield str(folder)
        finally:
            _as_postgres(POSTGRESQL / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


_CLUSTER = pytest.StashKey[str]()


@pytest.fixture(scope="session")
def postgresql_cluster(pytestconfig: pytest.Config) -> str:
    """The cluster of this process, started when first asked for; every module that imports this gets the same."""
    if not (POSTGRESQL / "initdb").exists() or shutil.which("runuser") is None:
        missing("PostgreSQL 15 is not installed (Debian: postgresql-15)")
    if _CLUSTER not in pytestconfig.stash:
        running = ExitStack()
        pytestconfig.add_cleanup(running.close)
        pytestconfig.stash[_CLUSTER] = running.enter_context(a_postgresql_cluster())
    return pytestconfig.stash[_CLUSTER]


def _administer(cluster: str, statement: str) -> None:
    with closing(psycopg.connect(host=cluster, user="postgres", dbname="postgres", autocommit=True)) as connection:
        connection.execute(statement)


@contextmanager
def an_empty_database(cluster: str, template: str = "template0") -> Iterator[str]:
    """DATABASE_URL of a new database of a cluster: empty, or a copy of another that nobody uses."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    _administer(cluster, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    yield f"postgresql://postgres@/{name}?host={cluster}"
    _administer(cluster, f'DROP DATABASE "{name}" WITH (FORCE)')


@cache
def _migrated(cluster: str) -> str:
    """Name of a database of a cluster that has what the fixture `migrated` has on SQLite."""
    name = "migrated"
    _administer(cluster, f'CREATE DATABASE "{name}" TEMPLATE template0')
    with tempfile.TemporaryDirectory() as folder:
        url = f"postgresql://postgres@/{name}?host={cluster}"
        with create_app(settings_in(Path(folder), DATABASE_URL=url)).app_context():
            upgrade()
            an_assessment()
            db.session.remove()
            db.engine.dispose()
    return name


@pytest.fixture
def postgresql_url(postgresql_cluster: str) -> Iterator[str]:
    """DATABASE_URL of a new, empty database."""
    with an_empty_database(postgresql_cluster) as url:
        yield url


@pytest.fixture
def migrated_postgresql_url(postgresql_cluster: str) -> Iterator[str]:
    """DATABASE_URL of a new database with every migration applied, as the fixture `migrated` has it on SQLite."""
    with an_empty_database(postgresql_cluster, _migrated(postgresql_cluster)) as url:
        yield url


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """REDIS_URL of a running server."""
    program = shutil.which("redis-server")
    if program is None:
        missing("redis-server is not installed (Debian: redis-server)")
    port = free_port()
    folder = Path(tempfile.mkdtemp(prefix="bangnin-redis-"))
    command = [str(program), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            _wait_for(port)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()
            server.wait(timeout=10)
            shutil.rmtree(folder, ignore_errors=True)


def _wait_for(port: int) -> None:
    """Ask until it answers; redis-py retries a refused connection with growing pauses."""
    retry = redis.retry.Retry(redis.backoff.ExponentialBackoff(cap=0.5, base=0.02), 30)
    with closing(redis.Redis(port=port, retry=retry, retry_on_error=[redis.ConnectionError])) as client:
        client.ping()


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """REDIS_URL of a server with nothing in it."""
    with closing(redis.Redis.from_url(redis_server)) as client:
        client.flushall()
    return redis_server
