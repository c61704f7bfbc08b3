"""Reading what the commands for files take: every fault of every input is told before a command gives up."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

import click

from marketplace.matches.file_codes import code_tables
from matching import InvalidPolicy, Policy
from matching.tables import CapacityTable, Fault, InvalidTable, Language, NeedTable, read_capacity, read_needs

WRONG_INPUT = 2


def say(language: Language, zh: str, en: str) -> str:
    """The text in a language."""
    return en if language == "en" else zh


def default_language() -> Language:
    """The language of the installation."""
    return "en" if os.environ.get("DEFAULT_LOCALE", "").startswith("en") else "zh"


def read_inputs(
    needs_path: Path, capacity_path: Path, policy_paths: Sequence[Path], language: Language
) -> tuple[NeedTable, CapacityTable, list[Policy]]:
    """Needs, capacity and the policies of some files; faults go to stderr and end the command."""
    tables = code_tables()
    lines: list[str] = []
    more = 0
    needs: NeedTable | None = None
    capacity: CapacityTable | None = None
    try:
        needs = read_needs(needs_path, tables, language=language)
    except InvalidTable as refused:
        lines += [fault.line(language) for fault in refused.faults]
        more += refused.uncounted
    try:
        capacity = read_capacity(capacity_path, tables, language=language)
    except InvalidTable as refused:
        lines += [fault.line(language) for fault in refused.faults]
        more += refused.uncounted
    policies = []
    for path in policy_paths:
        policy, fault = read_policy(path, language)
        policies.append(policy)
        if fault:
            lines.append(fault)
    if needs is None or capacity is None or lines:
        if more:
            lines.append(say(language, f"……还有 {more} 处错误未列出。", f"… and {more} more faults."))
        click.echo("\n".join(lines), err=True)
        raise click.exceptions.Exit(WRONG_INPUT)
    for warning in (*needs.warnings, *capacity.warnings):
        click.echo(say(language, "提示 ", "Note ") + warning.line(language), err=True)
    return needs, capacity, policies


def read_policy(path: Path, language: Language) -> tuple[Policy, str]:
    """The policy of a file and what is wrong with it, as a line."""
    try:
        return Policy.from_toml(path), ""
    except OSError:
        return Policy(), Fault(str(path), 1, "-", "missing_file").line(language)
    except InvalidPolicy as error:
        key, _, rule = str(error).partition(": ")
        if " " in key:  # the file is no TOML; there is no key to name
            return Policy(), f"{path}:1:-: {error}"
        lines = path.read_bytes().decode("utf-8", "replace").splitlines()
        told = re.compile(rf"\s*\[?\s*{re.escape(key)}\b")
        row = next((number for number, line in enumerate(lines, 1) if told.match(line)), 1)
        return Policy(), f"{path}:{row}:{key}: {rule}"
