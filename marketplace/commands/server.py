"""`marketplace serve` and `worker`."""

import os
import signal
import socket
import threading
from types import FrameType
from typing import NoReturn

import click
from flask import Flask

from marketplace import jobs
from marketplace.commands.console import FAILED, application, need_database, say, stop, talk
from marketplace.extensions import db
from marketplace.settings import Settings

HOST, PORT, THREADS = "127.0.0.1", 8000, 8
#: Browsers keep up to six open for a while: with waitress' usual 100, the twentieth reader would wait for an answer.
CONNECTIONS = 1000
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  # no browser finds a site there


@click.command("serve", short_help=say("运行网站", "Run the web server"))
@click.option("--host", default=HOST, show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=PORT, show_default=True)
def serve_command(host: str, port: int) -> None:
    """Run the web server, and without REDIS_URL a worker inside it, until it is stopped."""
    lead_links_to(host, port)
    with application() as app:
        need_database()
        serve(app, host, port)


def lead_links_to(host: str, port: int) -> None:
    """Links in letters and printed codes lead to where this server answers, unless BASE_URL names the place."""
    if not os.environ.get("BASE_URL"):
        os.environ["BASE_URL"] = f"http://{HOST if host in _EVERYWHERE else _shown(host)}:{port}"


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def need_port(host: str, port: int) -> None:
    """Stop where another program answers on the port, before anything is done that only serving makes useful."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        _refuse_port(port, error)


def _refuse_port(port: int, error: OSError) -> NoReturn:
    reason = error.strerror or str(error)
    stop(
        FAILED,
        f"不能使用端口 {port}：{reason}；请用 --port 另选一个",
        f"Port {port} cannot be used: {reason}; choose another with --port",
    )


def serve(app: Flask, host: str, port: int, after_start: str = "") -> None:
    """Answer requests until SIGINT or SIGTERM.

    Args:
        after_start: printed below the address.
    """
    from waitress.server import create_server

    try:
        server = create_server(
            app, host=host, port=port, threads=THREADS, ident=None, connection_limit=CONNECTIONS, asyncore_use_poll=True
        )
    except OSError as error:
        _refuse_port(port, error)
    db.session.remove()  # a read left open here would keep every writer of SQLite waiting
    settings: Settings = app.extensions["marketplace.settings"]
    worker = None if settings.redis_url else jobs.start_worker(app)
    signal.signal(signal.SIGTERM, _end)
    address = f"http://{_shown(host)}:{port}/"
    click.echo(say(f"网址：{address}", f"Address: {address}"))
    if after_start:
        click.echo(after_start)
    talk("按 Ctrl+C 停止。", "Press Ctrl+C to stop.")
    try:
        server.run()
    finally:
        server.close()
        if worker is not None:
            worker.stop(graceful=True)


def _end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _need_queue(app: Flask) -> None:
    """Stop where the queue is out of reach: a worker would wait for it without a word."""
    try:
        app.extensions["marketplace.queue"].pending_count()
    except Exception as error:  # noqa: BLE001  # each kind of queue has errors of its own
        stop(
            FAILED,
            f"任务队列无法使用，请检查 REDIS_URL：{error}",
            f"The queue cannot be used; check REDIS_URL: {error}",
        )


@click.command("worker", short_help=say("处理后台任务", "Work off the queue"))
@click.option("--threads", type=click.IntRange(1, 32), default=2, show_default=True)
def worker_command(threads: int) -> None:
    """Work off the queue until it is stopped; one worker an instance runs the periodic jobs well enough."""
    ended = threading.Event()
    with application() as app:
        need_database()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_signal: ended.set())
        _need_queue(app)
        consumer = jobs.start_worker(app, threads=threads)
        talk("后台任务处理中，按 Ctrl+C 停止。", "Working; press Ctrl+C to stop.")
        ended.wait()
        consumer.stop(graceful=True)
