"""Settings of instances that tests make."""

from pathlib import Path

from marketplace.settings import Settings, load


def settings_in(folder: Path, **environ: str) -> Settings:
    """Settings of an instance of its own."""
    return load({"INSTANCE_DIR": str(folder), "SECRET_KEY": "s" * 40, "FIELD_KEYS": "k" * 40, **environ})
