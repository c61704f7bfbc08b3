"""Work done in a process beside this one, for what is pure writing while the solver holds the interpreter."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


@contextmanager
def aside(work: Callable[[], object]) -> Iterator[Callable[[], None]]:
    """Do ``work`` in a copy of this process; what is yielded waits for its end.

    The copy shares the memory it reads and gives nothing back: ``work`` writes files. Where the copy fails,
    or where no copy can be made (no fork on this system, or other threads whose locks it would inherit), the
    work is done here instead, so that errors are raised where they are awaited. Who leaves without waiting
    ends the copy.
    """
    process = _copy(work)
    waited = False

    def finish() -> None:
        nonlocal waited
        waited = True
        if process is None or os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) != 0:
            work()

    try:
        yield finish
    finally:
        if process is not None and not waited:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)


def _copy(work: Callable[[], object]) -> int | None:
    """The process that does the work; None where there is none."""
    if not hasattr(os, "fork") or threading.active_count() > 1:
        return None
    try:
        process = os.fork()
    except OSError:  # no memory or no more processes
        return None
    if process:
        return process
    code = 1
    try:
        work()
        code = 0
    finally:
        os._exit(code)  # neither flush nor clean up what belongs to the other process
