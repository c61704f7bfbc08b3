"""Runs `marketplace` as people do: as a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

Result = subprocess.CompletedProcess[str]


def environment(instance: Path, **environ: str) -> dict[str, str]:
    """Environment of a command on an instance of its own, in English."""
    ours = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "FIELD_KEYS", "INDEX_DIR", "MAIL_URL", "BASE_URL")
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return kept | {"INSTANCE_DIR": str(instance), "DEFAULT_LOCALE": "en", "COLUMNS": "140"} | environ


def marketplace(instance: Path, *arguments: str | Path, **environ: str) -> Result:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "marketplace.cli", *map(str, arguments)],
        env=environment(instance, **environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


def started(instance: Path, *arguments: str | Path, **environ: str) -> subprocess.Popen[str]:
    """Start a command that runs until it is stopped."""
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "marketplace.cli", *map(str, arguments)],
        env=environment(instance, **environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
