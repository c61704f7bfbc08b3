"""k-anonymity of public cards (rule P6): fewer than five alike are shown as part of a larger crowd.

Pure: what is alike is counted by the caller.
"""

from collections.abc import Callable, Iterable

from marketplace import regions

#: The least number of households that a public card's county, group and category must have in common.
MINIMUM_CROWD = 5

#: Broad groups of public cards. Illness, disability, bereavement and guardianship are never told apart.
HOUSEHOLD = "household"
BROAD_GROUPS: dict[str, tuple[str, ...]] = {
    "child": ("G-HARDCHILD", "G-ORPHAN", "G-LEFTCHILD", "G-MIGCHILD", "G-DISCHILD", "G-STUDENT"),
    "elder": ("G-ELDUNABLE", "G-ELDALONE"),
    HOUSEHOLD: (),
}


def broad_group(groups: Iterable[str]) -> str:
    """The broad group of a need's target groups; children before older people before the rest."""
    given = set(groups)
    return next((broad for broad, codes in BROAD_GROUPS.items() if given.intersection(codes)), HOUSEHOLD)


def prefecture_of(region: str) -> str:
    """The prefecture that a county lies in; a prefecture or province itself."""
    return f"{region[:4]}00"


def generalise(region: str, group: str, category: str, count: Callable[[str, str, str], int]) -> tuple[str, str]:
    """Region and group as a public card may name them.

    Args:
        count: households of a region (and all below it), broad group and category in the data.
    Returns:
        The county and group where at least MINIMUM_CROWD are alike; else the prefecture and the group; else
        the prefecture and merely a household in difficulty.
    """
    if count(region, group, category) >= MINIMUM_CROWD:
        return region, group
    wider = prefecture_of(region) if regions.exists(prefecture_of(region)) else region
    return wider, group if count(wider, group, category) >= MINIMUM_CROWD else HOUSEHOLD
