"""The code lists of the project in the shape that matching takes."""

from functools import lru_cache

import numpy as np

from marketplace import regions, taxonomy
from matching.eligibility.codes import CodeList, CodeTables


@lru_cache(maxsize=1)
def code_tables() -> CodeTables:
    """Categories, regions with their seats, groups and recognitions, qualifications."""
    categories = taxonomy.categories()
    places = regions.all_regions()
    groups = [term for term in (*taxonomy.target_groups(), *taxonomy.assist_tiers()) if term.code != taxonomy.ALL]
    return CodeTables(
        categories=CodeList(
            codes=tuple(category.code for category in categories),
            names_zh=tuple(category.name_zh for category in categories),
            names_en=tuple(category.name_en for category in categories),
            parents=tuple(category.parent_code for category in categories),
        ),
        regions=_terms(places),
        seats=np.array([(place.lat, place.lon) for place in places], np.float64),
        groups=_terms(groups),
        qualifications=_terms(taxonomy.qualifications()),
    )


def _terms(terms: tuple[regions.Region, ...] | tuple[taxonomy.Term, ...] | list[taxonomy.Term]) -> CodeList:
    return CodeList(
        codes=tuple(term.code for term in terms),
        names_zh=tuple(term.name_zh for term in terms),
        names_en=tuple(term.name_en for term in terms),
    )
