"""Rules of needs and wishes, by what people do: list, post, review, look at the board, settle."""

from marketplace.jobs import sweeper
from marketplace.needs.services.board import (
    BoardFilter,
    CardPage,
    WishPage,
    board,
    board_categories,
    figures,
    newest_wishes,
    similar_wishes,
    wish_page,
)
from marketplace.needs.services.consents import follow_ended_consents
from marketplace.needs.services.lists import (
    ANY_STATE,
    NeedFilter,
    load_need,
    need_history,
    readable,
    reveal_details,
    state_counts,
    work_list,
)
from marketplace.needs.services.posting import (
    NEED_GROUPS,
    NeedEntry,
    Suggestion,
    case_to_post_for,
    edit,
    may_edit,
    post,
    send,
    suggest,
)
from marketplace.needs.services.review import (
    WITHDRAWAL_REASONS,
    approve,
    close_overdue,
    reopen,
    send_back,
    withdraw,
)
from marketplace.needs.services.settle import (
    close_fulfilled,
    fulfil_if_complete,
    give_back,
    reopen_after_failure,
    take,
)


@sweeper
def follow_the_calendar() -> None:
    """What the passing of days does to needs."""
    close_overdue()
    follow_ended_consents()


__all__ = [
    "ANY_STATE",
    "NEED_GROUPS",
    "WITHDRAWAL_REASONS",
    "BoardFilter",
    "CardPage",
    "NeedEntry",
    "NeedFilter",
    "Suggestion",
    "WishPage",
    "approve",
    "board",
    "board_categories",
    "case_to_post_for",
    "close_fulfilled",
    "close_overdue",
    "edit",
    "figures",
    "follow_ended_consents",
    "fulfil_if_complete",
    "give_back",
    "load_need",
    "may_edit",
    "need_history",
    "newest_wishes",
    "post",
    "readable",
    "reopen",
    "reopen_after_failure",
    "reveal_details",
    "send",
    "send_back",
    "similar_wishes",
    "state_counts",
    "suggest",
    "take",
    "wish_page",
    "withdraw",
    "work_list",
]
