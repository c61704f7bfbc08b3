"""Rules of needs and wishes, by what people do: list, draft, post, review, look at the board, settle."""

from marketplace.jobs import sweeper
from marketplace.needs.services import moving  # noqa: F401  # listens to cases that move
from marketplace.needs.services.attaching import attach, may_attach
from marketplace.needs.services.audience import tells_groups, tells_people
from marketplace.needs.services.board import (
    BoardFilter,
    CardPage,
    WishPage,
    board,
    board_categories,
    cards,
    figures,
    newest_wishes,
    similar_wishes,
    wish_page,
)
from marketplace.needs.services.consents import follow_ended_consents, shared_fields
from marketplace.needs.services.crowd import current_crowd
from marketplace.needs.services.drafts import (
    case_to_post_for,
    discard,
    discarded_drafts,
    draft_count,
    drafts_of,
    my_drafts,
    restore,
    save_draft,
)
from marketplace.needs.services.entries import NEED_GROUPS, NeedEntry, Suggestion, suggest
from marketplace.needs.services.lists import (
    ANY_STATE,
    URGENT_DAYS,
    WAITING,
    NeedFilter,
    listed,
    load_need,
    need_history,
    needs_waiting,
    readable,
    reveal_details,
    state_counts,
    work_list,
)
from marketplace.needs.services.live import note_live_channels
from marketplace.needs.services.marks import Assessment, Mark, assess, check_title, typed_title
from marketplace.needs.services.posting import edit, may_edit, post, send, similar_needs
from marketplace.needs.services.review import (
    WITHDRAWAL_REASONS,
    approve,
    close_overdue,
    keep_internal,
    leave_public_view,
    publish_after_all,
    reopen,
    send_back,
    show_again,
    take_down,
    withdraw,
)
from marketplace.needs.services.settle import (
    close_fulfilled,
    close_if_delivered,
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
    leave_public_view()


__all__ = [
    "ANY_STATE",
    "NEED_GROUPS",
    "URGENT_DAYS",
    "WAITING",
    "WITHDRAWAL_REASONS",
    "Assessment",
    "BoardFilter",
    "CardPage",
    "Mark",
    "NeedEntry",
    "NeedFilter",
    "Suggestion",
    "WishPage",
    "approve",
    "assess",
    "attach",
    "board",
    "board_categories",
    "cards",
    "case_to_post_for",
    "check_title",
    "close_fulfilled",
    "close_if_delivered",
    "close_overdue",
    "current_crowd",
    "discard",
    "discarded_drafts",
    "draft_count",
    "drafts",
    "drafts_of",
    "edit",
    "figures",
    "follow_ended_consents",
    "follow_the_calendar",
    "from",
    "fulfil_if_complete",
    "give_back",
    "import",
    "keep_internal",
    "leave_public_view",
    "listed",
    "lists",
    "load_need",
    "marketplace",
    "may_attach",
    "may_edit",
    "my_drafts",
    "need_history",
    "needs",
    "needs_waiting",
    "newest_wishes",
    "note_live_channels",
    "post",
    "posting",
    "publish_after_all",
    "readable",
    "reopen",
    "reopen_after_failure",
    "restore",
    "reveal_details",
    "review",
    "save_draft",
    "send",
    "send_back",
    "services",
    "shared_fields",
    "show_again",
    "similar_needs",
    "similar_wishes",
    "state_counts",
    "suggest",
    "take",
    "take_down",
    "tells_groups",
    "tells_people",
    "typed_title",
    "wish_page",
    "withdraw",
    "work_list",
]
