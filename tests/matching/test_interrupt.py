"""A Ctrl-C ends a search that would go on for minutes."""

import signal
import subprocess
import sys

SEARCH = """
import numpy as np
from matching import Problem, solve

make = np.random.default_rng(1)
needs, offers = 300, 12
need = np.repeat(np.arange(needs), offers)
offer = np.tile(np.arange(offers), needs)
use = make.integers(5, 60, need.size)
problem = Problem(
    quantity=np.ones(needs, int), tier=np.zeros(needs, int), capacity=np.full(offers, 430), need=need, offer=offer,
    fit=10_000 - 111 + use + make.integers(-10, 10, need.size), use=use,
)
print("ready", flush=True)
solve(problem, time_limit=300)
"""


def test_ctrl_c_ends_a_search() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SEARCH], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for _ in range(20):  # the first may come before the search has begun
            process.send_signal(signal.SIGINT)
            try:
                _out, complaint = process.communicate(timeout=2)
            except subprocess.TimeoutExpired:
                continue
            break
        assert process.returncode not in (None, 0)
        assert "KeyboardInterrupt" in complaint
