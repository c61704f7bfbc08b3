"""How long `marketplace match` takes, beside the bare flow solver on the same network in the same run.

    python -m tests.benchmarks.match_files [--needs N] [--capacities M] [--rounds R]

Prints a table: wall seconds of the whole command from a cold start (reading, rules, scoring, solving, checking,
explaining, writing six files), of its stages, of `SimpleMinCostFlow.solve()` alone on the network of the same
files, their ratio, and the peak memory of the command's process. The rounds alternate, so that other load on the
machine meets both alike; the medians are compared.

    python -m tests.benchmarks.match_files --growth [--needs N] [--capacities M] [--rounds R]

Compares the command with itself instead: ten times the needs and ten times the capacities, most of which then
serve their own county alone, so that there are about 25 candidates for each need. With `--candidates-per-need K`
the policy says so.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from ortools.graph.python.min_cost_flow import SimpleMinCostFlow

from marketplace.matches.file_codes import code_tables
from matching import Policy, Problem
from matching.eligibility.rules import candidates
from matching.scoring import score
from matching.tables import read_capacity, read_needs
from matching.tables.build import problem_of, rule_columns
from tests.benchmarks.world import AS_OF, LOCAL, PROVINCIAL, write_world


def network_of(needs_path: Path, capacity_path: Path) -> Problem:
    """The problem that the command solves for these files."""
    tables, day = code_tables(), np.datetime64(AS_OF, "D")
    needs, capacity = read_needs(needs_path, tables), read_capacity(capacity_path, tables)
    rules, offers, _ = rule_columns(needs, capacity, tables)
    arcs = candidates(rules, offers, tables, day)
    return problem_of(needs, capacity, arcs, score(arcs, rules, offers, tables, Policy(), day))


def bare_solve(problem: Problem) -> tuple[float, int]:
    """Seconds of `solve()` alone on the plain network, and the worth of the flow it finds.

    Needs send their units over their arcs to offers, from there through the pool if there is one to a sink, or
    past all at no worth. A served unit is worth (T - t) · (m · F + 1) + fit, as in `matching.network.flow`.
    """
    n, m, p = problem.quantity.size, problem.capacity.size, problem.pool_capacity.size
    sink = n + m + p
    step = m * 10_000 + 1
    worth = (3 - problem.tier[problem.need].astype(np.int64)) * step + problem.fit
    pooled = problem.pool >= 0
    offers = n + np.arange(m)
    above = np.where(pooled, n + m + problem.pool, sink)
    total = int(problem.quantity.sum())
    layers = [
        (problem.need, n + problem.offer, problem.quantity[problem.need], -worth),
        (np.arange(n), np.full(n, sink), problem.quantity, np.zeros(n, np.int64)),
        (offers, above, problem.capacity, np.zeros(m, np.int64)),
        (n + m + np.arange(p), np.full(p, sink), problem.pool_capacity, np.zeros(p, np.int64)),
    ]
    tail, head, capacity, cost = (np.concatenate(column) for column in zip(*layers, strict=True))
    solver = SimpleMinCostFlow()
    solver.add_arcs_with_capacity_and_unit_cost(tail.astype(np.int32), head.astype(np.int32), capacity, cost)
    supply = np.append(problem.quantity, -total)
    solver.set_nodes_supplies(np.append(np.arange(n), sink).astype(np.int32), supply)
    started = time.perf_counter()
    status = solver.solve()
    seconds = time.perf_counter() - started
    if status != solver.OPTIMAL:
        raise RuntimeError(status.name)
    return seconds, -solver.optimal_cost()


def worth_of(summary: dict[str, Any], offers: int) -> int:
    """The worth of the command's result in the same terms."""
    step = offers * 10_000 + 1
    weights = {"red": 3, "yellow": 2, "blue": 1}
    return sum(weights[colour] * step * units for colour, units in summary["served"].items()) + int(summary["fit"])


def run_command(
    needs: Path, capacity: Path, out: Path, candidates_per_need: int | None = None
) -> tuple[float, dict[str, Any]]:
    """Wall seconds of the command from a cold start, and its summary.

    `peak_mb` of the summary becomes that of all its processes together, looked at 20 times a second; what they
    share counts for each of them, so that it is an upper bound.
    """
    command = [sys.executable, "-m", "marketplace.cli", "match", "--json", "--as-of", AS_OF.isoformat()]
    command += ["--needs", str(needs), "--capacity", str(capacity), "--out", str(out)]
    if candidates_per_need is not None:
        policy = out.with_suffix(".toml")
        policy.write_text(f"candidates_per_need = {candidates_per_need}")
        command += ["--policy", str(policy)]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    ended, peaks = threading.Event(), [0]
    watcher = threading.Thread(target=_watch, args=(process.pid, ended, peaks))
    watcher.start()
    try:
        printed, _ = process.communicate()
    finally:
        ended.set()
        watcher.join()
    seconds = time.perf_counter() - started
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    summary = json.loads(printed)
    summary["peak_mb"] = max(summary["peak_mb"], max(peaks) / 1024**2)
    return seconds, summary


def _watch(process: int, ended: threading.Event, peaks: list[int]) -> None:
    """Note the memory of a process and all below it until told to end."""
    while not ended.wait(0.05):
        try:
            top = psutil.Process(process)
            peaks.append(sum(one.memory_info().rss for one in (top, *top.children(recursive=True))))
        except psutil.NoSuchProcess:
            continue


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--needs", type=int, default=100_000)
    parser.add_argument("--capacities", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=10)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--candidates-per-need", type=int)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        lines = beside_itself(Path(name), told) if told.growth else beside_the_solver(Path(name), told)
    width = max(len(title) for title, _ in lines)
    for title, value in lines:
        sys.stdout.write(f"{title:<{width}}  {value}\n")


def beside_the_solver(folder: Path, told: argparse.Namespace) -> list[tuple[str, str]]:
    """The command and the bare solver in turn."""
    paths = write_world(folder, needs=told.needs, capacities=told.capacities, seed=told.seed)
    problem = network_of(*paths)
    wholes, bares = [], []
    summary: dict[str, Any] = {}
    busy = []
    for _ in range(told.rounds):
        clocks = [processor_seconds()]
        bare, worth = bare_solve(problem)
        clocks.append(processor_seconds())
        whole, summary = run_command(*paths, folder / "out", told.candidates_per_need)
        clocks.append(processor_seconds())
        busy.append((clocks[1][0] - clocks[0][0], clocks[2][1] - clocks[1][1]))
        if worth != worth_of(summary, problem.capacity.size):
            raise RuntimeError("the command and the bare solver disagree")
        bares.append(bare)
        wholes.append(whole)
    return [
        *size_of(summary, told.capacities),
        ("bare SimpleMinCostFlow.solve(), s", seconds_of(bares)),
        ("marketplace match, cold start, s", seconds_of(wholes)),
        ("ratio", f"{statistics.median(wholes) / statistics.median(bares):.2f}"),
        ("processor seconds, bare with its building", seconds_of([bare for bare, _ in busy])),
        ("processor seconds, all processes of the command", seconds_of([whole for _, whole in busy])),
        *stages_of(summary),
    ]


def processor_seconds() -> tuple[float, float]:
    """Processor time of this process, and of those below it that ended: what other load leaves alone."""
    below = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time(), below.ru_utime + below.ru_stime


def beside_itself(folder: Path, told: argparse.Namespace) -> list[tuple[str, str]]:
    """The command on a world and on one ten times as large, in turn."""
    worlds = []
    for name, factor, reach in (("small", 1, PROVINCIAL), ("large", 10, LOCAL)):
        inside = folder / name
        inside.mkdir()
        needs, capacities = told.needs * factor, told.capacities * factor
        paths = write_world(inside, needs=needs, capacities=capacities, seed=told.seed, reach=reach)
        worlds.append((paths, inside / "out", capacities))
    taken: list[list[float]] = [[], []]
    summaries: list[dict[str, Any]] = [{}, {}]
    for _ in range(told.rounds):
        for place, (paths, out, _) in enumerate(worlds):
            seconds, summaries[place] = run_command(*paths, out, told.candidates_per_need)
            taken[place].append(seconds)
    lines = []
    for (_, _, capacities), rounds, summary in zip(worlds, taken, summaries, strict=True):
        lines += [
            *size_of(summary, capacities),
            ("marketplace match, cold start, s", seconds_of(rounds)),
            *stages_of(summary),
        ]
    small, large = map(statistics.median, taken)
    return [*lines, ("ratio", f"{large / small:.2f}")]


def size_of(summary: dict[str, Any], capacities: int) -> list[tuple[str, str]]:
    return [
        ("needs x capacities", f"{summary['needs']:,} x {capacities:,}"),
        ("candidates", f"{summary['candidates']:,}"),
    ]


def seconds_of(taken: list[float]) -> str:
    return f"{statistics.median(taken):.2f}   ({', '.join(f'{seconds:.2f}' for seconds in taken)})"


def stages_of(summary: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        ("stages of the last round, s", ", ".join(f"{k} {v:.2f}" for k, v in summary["seconds"].items())),
        ("peak memory of all processes, MB", f"{summary['peak_mb']:.0f}"),
    ]


if __name__ == "__main__":
    main()
