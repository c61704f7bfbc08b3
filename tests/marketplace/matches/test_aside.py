"""Writing in a process beside: done there, or here where it cannot be."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from marketplace.matches.aside import aside

WHO = """
import os, sys
from pathlib import Path
from marketplace.matches.aside import aside

path = Path(sys.argv[1])
with aside(lambda: path.write_text(str(os.getpid()))) as finish:
    finish()
print(os.getpid())
"""


def test_the_work_is_done_in_another_process(tmp_path: Path) -> None:
    """In an interpreter of its own: a thread that another test left here would rightly keep the work here."""
    path = tmp_path / "who"
    told = subprocess.run([sys.executable, "-c", WHO, str(path)], check=True, capture_output=True, text=True)
    assert int(path.read_text()) != int(told.stdout)


def test_beside_other_threads_it_is_done_here(tmp_path: Path) -> None:
    path, done = tmp_path / "who", threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        with aside(lambda: path.write_text(str(os.getpid()))) as finish:
            finish()
    finally:
        done.set()
        thread.join()
    assert int(path.read_text()) == os.getpid()


def test_what_fails_there_is_tried_here_where_its_error_is_seen(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(FileNotFoundError), aside(lambda: (tmp_path / "none" / "file").touch()) as finish:
        finish()
    assert capfd.readouterr() == ("", "")


def test_who_leaves_without_waiting_ends_it(tmp_path: Path) -> None:
    started, ended = tmp_path / "started", tmp_path / "ended"

    def work() -> None:
        started.touch()
        threading.Event().wait(60)
        ended.touch()

    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt), aside(work):
        raise KeyboardInterrupt
    assert time.monotonic() - begun < 30
    assert not ended.exists()
