"""The canary scan: no response, log line or index file of the suite may hold a personal value."""

import logging
from pathlib import Path
from typing import Any

from flask import Flask, request

from tests.support.world import CANARIES


class CanaryWatch(logging.Handler):
    """Reads everything an application says while a test runs, and remembers where a canary sang.

    `allow(endpoint)` names a view whose purpose is to show personal data to the one who is signed in.
    """

    def __init__(self, app: Flask, index_dir: Path) -> None:
        super().__init__(logging.DEBUG)
        self.found: list[str] = []
        self.responses = 0
        self._allowed: set[str] = set()
        self._index_dir = index_dir
        app.after_request(self._read_response)
        logging.getLogger().addHandler(self)

    def allow(self, *endpoints: str) -> None:
        self._allowed.update(endpoints)

    def _read_response(self, response: Any) -> Any:
        if request.endpoint in self._allowed or response.is_streamed or response.direct_passthrough:
            return response
        self.responses += 1
        self._look(f"response of {request.method} {request.path}", response.get_data())
        self._look(f"headers of {request.method} {request.path}", str(response.headers).encode())
        return response

    def emit(self, record: logging.LogRecord) -> None:
        self._look(f"log line of {record.name}", record.getMessage().encode())

    def _look(self, where: str, content: bytes) -> None:
        for kind, value in CANARIES.items():
            if value.encode() in content:
                self.found.append(f"{kind} in {where}")

    def close_and_report(self) -> list[str]:
        logging.getLogger().removeHandler(self)
        for path in self._index_dir.rglob("*"):
            if path.is_file():
                self._look(f"index file {path.name}", path.read_bytes())
        return self.found
