"""Write the demo world: `python -m marketplace.demo.generate`.

Reads only the reference tables in `marketplace/data` and writes CSV files to `marketplace/data/demo`. The
same code gives the same bytes everywhere. All people, organizations and events are invented; the counts and sums
that DOMAIN.md section 8 asks for come out of the rows.

The world stands on the day `AS_OF`. A loader adds (today - `AS_OF`) to the columns in `DATE_COLUMNS`, so that
the demo is always fresh; dates of birth stay.
"""

import argparse
import csv
import sys
from io import StringIO
from pathlib import Path

from marketplace.demo.demands import (
    Demands,
    make_open_needs,
    make_open_wishes,
    set_deadlines,
    set_urgency,
)
from marketplace.demo.families import AS_OF, Families
from marketplace.demo.history import (
    History,
    make_claims,
    make_ongoing,
    make_personal_help,
    make_placements,
    make_programmes,
)
from marketplace.demo.offers import make_offers
from marketplace.demo.suppliers import Suppliers, make_alliance, make_organizations, make_projects

__all__ = ["AS_OF", "DATE_COLUMNS", "DIRECTORY", "tables"]

DIRECTORY = Path(__file__).parent.parent / "data" / "demo"

DATE_COLUMNS = {
    "projects": ("starts_on", "ends_on"),
    "capacity": ("valid_from", "valid_until"),
    "needs": ("posted", "deadline", "consent_date"),
    "allocations": ("accepted_on", "due_on", "delivered_on", "confirmed_on"),
}
"""By table, the columns that move with the day on which the demo is loaded."""

Rows = list[dict[str, str]]


def tables() -> dict[str, Rows]:
    """The rows of every table by its name, in the order in which they refer to each other."""
    suppliers = Suppliers()
    make_organizations(suppliers)
    make_alliance(suppliers)
    make_projects(suppliers)
    make_offers(suppliers)

    families = Families()
    demands = Demands()
    history = History(demands, suppliers)
    make_claims(history, families)
    make_placements(history, families)
    make_personal_help(history, families)
    make_programmes(history, families)
    make_open_wishes(demands, families)
    make_open_needs(demands, families)
    set_urgency(demands)
    set_deadlines(demands)
    make_ongoing(history)

    for row in suppliers.capacity:
        # The offers say what is free today; what was given before belongs to the whole.
        row["quantity"] = str(int(row["quantity"]) + demands.used[row["id"]])
    return {
        "organizations": suppliers.organizations,
        "alliances": suppliers.alliances,
        "alliance_members": suppliers.alliance_members,
        "projects": suppliers.projects,
        "capacity": suppliers.capacity,
        "households": families.households,
        "persons": families.persons,
        "needs": demands.needs,
        "allocations": history.allocations,
    }


def as_csv(rows: Rows) -> str:
    """The rows as CSV with a header and line feeds."""
    text = StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def main(arguments: list[str] | None = None) -> int:
    """Write every table to the demo directory, or to the one that is given."""
    parser = argparse.ArgumentParser(description="Write the demo world as CSV files.")
    parser.add_argument("--directory", type=Path, default=DIRECTORY)
    directory: Path = parser.parse_args(arguments).directory
    directory.mkdir(parents=True, exist_ok=True)
    for name, rows in tables().items():
        (directory / f"{name}.csv").write_text(as_csv(rows), encoding="utf-8", newline="\n")
        sys.stderr.write(f"{name}.csv: {len(rows)} rows\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
