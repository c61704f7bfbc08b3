"""HTTP of allocations: claims, proposals, one allocation and its moves, cards, hand-over, follow-up visits."""

from typing import Any

from flask import g
from flask.sansio.blueprints import BlueprintSetupState

from marketplace.allocations import services
from marketplace.allocations.views import (  # noqa: F401  # importing them registers their routes
    by_hand,
    cards,
    claims,
    groups,
    guests,
    links,
    photos,
    progress,
    proposals,
    visits,
)
from marketplace.allocations.views.slice import allocations
from marketplace.allocations.wording import fit_reasons, percent

__all__ = ["allocations"]


@allocations.app_context_processor
def _for_other_pages() -> dict[str, Any]:
    """For templates/allocations/_of_need.html on the page of a need, and for lists of proposals elsewhere."""
    return {
        "allocations_of": lambda need: services.of_need(g.actor, need),
        "suppliers_of": services.suppliers_of,
    }


@allocations.record_once
def _for_macros(setup: BlueprintSetupState) -> None:
    """Macros see globals only, not what the page is given."""
    setup.app.jinja_env.globals.update(fit_reasons=fit_reasons, percent=percent)
