"""What the two packages import comes with a plain installation; the tests' own environment has more than that."""

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PACKAGES = ("marketplace", "matching")


def declared() -> list[str]:
    """The requirements of a plain installation, as pyproject.toml has them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return list(project["dependencies"])


def installed_with(lines: list[str]) -> set[str]:
    """Names of the distributions that these requirements bring, with those that they require in turn."""
    found: set[tuple[str, str]] = set()
    waiting = [(line, "") for line in lines]
    while waiting:
        line, extra = waiting.pop()
        requirement = Requirement(line)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        for wanted in {"", *requirement.extras}:
            if (name, wanted) not in found:
                found.add((name, wanted))
                waiting += [(inner, wanted) for inner in requires(name) or ()]
    return {name for name, _extra in found}


def imported() -> Iterator[tuple[str, str]]:
    """Each module of others that is imported, and the file that does."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    names = [node.module]
                else:
                    continue
                tops = {name.partition(".")[0] for name in names} - sys.stdlib_module_names - set(PACKAGES)
                yield from ((top, str(path.relative_to(ROOT))) for top in tops)


def test_a_plain_installation_has_everything_that_is_imported() -> None:
    there = installed_with(declared())
    of_module = packages_distributions()
    missing = {
        f"{module} ({path})"
        for module, path in imported()
        if there.isdisjoint(map(canonicalize_name, of_module.get(module, ())))
    }
    assert not missing, f"add them to [project] dependencies: {sorted(missing)}"
