"""The canary scan: no response, cookie, log line, letter or stored file of the suite may hold a personal value."""

import io
import json
import logging
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from flask import Flask, request, session
from sqlalchemy import select

from marketplace.extensions import db
from marketplace.mail import OutboxMessage
from tests.support.world import CANARIES

#: What an instance keeps in its folder; tests put files of their own beside it.
KEPT = ("*.db*", "index/**/*", "runs/**/*", "uploads/**/*")


class CanaryWatch(logging.Handler):
    """Reads everything an application says while a test runs, and remembers where a canary sang.

    `allow(endpoint)` names a view whose purpose is to show personal data to the one who is signed in.
    """

    def __init__(self, app: Flask, instance_dir: Path) -> None:
        super().__init__(logging.DEBUG)
        self.found: list[str] = []
        self.responses = 0
        self._allowed: set[str] = set()
        self._instance_dir = instance_dir
        app.after_request(self._read_response)
        logging.getLogger().addHandler(self)

    def allow(self, *endpoints: str) -> None:
        self._allowed.update(endpoints)

    def _read_response(self, response: Any) -> Any:
        if request.endpoint in self._allowed or request.endpoint == "static":
            return response
        self.responses += 1
        response.direct_passthrough = False  # a file or a stream is read like any page
        self._look(f"response of {request.method} {request.path}", response.get_data())
        self._look(f"headers of {request.method} {request.path}", unquote(str(response.headers)).encode())
        kept = json.dumps(dict(session), ensure_ascii=False, default=str)  # its cookie is packed: nothing shows there
        self._look(f"session after {request.method} {request.path}", kept.encode())
        return response

    def emit(self, record: logging.LogRecord) -> None:
        self._look(f"log line of {record.name}", record.getMessage().encode())

    def _look(self, where: str, content: bytes) -> None:
        if zipfile.is_zipfile(io.BytesIO(content)):  # workbooks and whole archives of runs
            with zipfile.ZipFile(io.BytesIO(content)) as packed:
                for name in packed.namelist():
                    self._look(f"{where}: {name}", packed.read(name))
        for kind, value in CANARIES.items():
            if value.encode() in content:
                self.found.append(f"{kind} in {where}")

    def close_and_report(self) -> list[str]:
        """What was found, also in letters that wait and in whatever the instance keeps: database, queue, index, files.

        A database elsewhere (PostgreSQL) is not read.
        """
        logging.getLogger().removeHandler(self)
        waiting = select(OutboxMessage).where(OutboxMessage.body.is_not(None))
        for letter in db.session.scalars(waiting):
            self._look(f"letter {letter.key}", letter.body.plain().encode() if letter.body else b"")
        db.session.rollback()
        kept = (path for pattern in KEPT for path in self._instance_dir.glob(pattern))
        for path in kept:
            if path.is_file():
                self._look(f"file {path.relative_to(self._instance_dir)}", path.read_bytes())
        return self.found
