"""Where the input and flow of runs are kept for explanations: files of the instance, the newest of each scope."""

from pathlib import Path

from flask import current_app

KEPT_A_SCOPE = 3
"""So many runs of a scope can still be explained need by need; of older ones the reasons are in the database."""


def path_of(run: str) -> Path:
    """The file of a run, by its public id."""
    folder: Path = current_app.extensions["marketplace.settings"].instance_dir / "runs"
    return folder / f"{run}.npz"


def forget(runs: list[str]) -> None:
    """Remove the files of runs; those that are gone already are no fault."""
    for run in runs:
        path_of(run).unlink(missing_ok=True)
