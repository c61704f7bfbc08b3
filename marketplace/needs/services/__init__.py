"""Rules of needs and wishes, by what people do: post, review, search the board, settle."""

from marketplace.needs.services.board import figures, newest_wishes, similar_wishes
from marketplace.needs.services.settle import (
    close_fulfilled,
    fulfil_if_complete,
    give_back,
    reopen_after_failure,
    take,
)

__all__ = [
    "close_fulfilled",
    "figures",
    "fulfil_if_complete",
    "give_back",
    "newest_wishes",
    "reopen_after_failure",
    "similar_wishes",
    "take",
]
