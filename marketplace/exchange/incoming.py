"""Files that were sent and wait for a yes: sealed in the instance, for their sender and one purpose, for an hour."""

import base64
import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from flask import current_app

from marketplace import jobs
from marketplace.errors import StateConflict
from marketplace.permissions import Actor
from marketplace.privacy import keyring

KEPT_SECONDS = 3600
_FIELD = "incoming.file"


@dataclass(frozen=True)
class Incoming:
    """A file that was sent: its name in messages, and its bytes."""

    file: str
    data: bytes


def _folder() -> Path:
    folder: Path = current_app.extensions["marketplace.settings"].instance_dir / "incoming"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def keep(actor: Actor, purpose: str, file: str, data: bytes) -> str:
    """Keep a file until its sender says yes; the token that names it.

    Args:
        purpose: what it is for, e.g. the project that it goes to; another purpose does not find it.
    """
    token = secrets.token_hex(24)
    told = {"by": actor.key, "for": purpose, "file": file, "data": base64.b64encode(data).decode()}
    path = _folder() / token
    path.touch(mode=0o600)
    path.write_text(keyring().seal(_FIELD, json.dumps(told)), "ascii")
    return token


def take(actor: Actor, purpose: str, token: str) -> Incoming:
    """The file of a token, once.

    Raises:
        StateConflict: there is none, it is another's, for something else, or its hour is over.
    """
    path = _folder() / token if token.isalnum() and len(token) == 48 else None
    if path is None or not path.exists() or _age(path) > KEPT_SECONDS:
        raise StateConflict
    told = json.loads(keyring().open(_FIELD, path.read_text("ascii")))
    if told["by"] != actor.key or told["for"] != purpose:
        raise StateConflict
    path.unlink(missing_ok=True)
    return Incoming(told["file"], base64.b64decode(told["data"]))


def _age(path: Path) -> float:
    return time.time() - path.stat().st_mtime


@jobs.sweeper
def forget() -> None:
    """Once a minute: files that nobody said yes to."""
    for path in _folder().iterdir():
        if _age(path) > KEPT_SECONDS:
            path.unlink(missing_ok=True)
