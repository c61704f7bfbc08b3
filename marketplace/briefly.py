"""Answers that may be a minute old: figures and choices of public pages, which everybody asks for."""

import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import current_app
from flask_babel import get_locale

P = ParamSpec("P")
R = TypeVar("R")

#: Application setting: seconds for which an answer is kept; 0 asks anew each time.
SECONDS = "KEPT_BRIEFLY_SECONDS"


def kept_briefly(ask: Callable[P, R]) -> Callable[P, R]:
    """Keep a function's answer for a minute, in this process, for each language and arguments.

    Never for what depends on who asks, or on what somebody has just changed.
    """

    @wraps(ask)
    def answer(*arguments: P.args, **named: P.kwargs) -> R:
        seconds = current_app.config.get(SECONDS, 60)
        kept = current_app.extensions.setdefault("marketplace.kept", {})
        key = (ask.__module__, ask.__qualname__, str(get_locale()), arguments, tuple(sorted(named.items())))
        until, value = kept.get(key, (0.0, None))
        if time.monotonic() >= until:
            value = ask(*arguments, **named)
            if seconds:
                kept[key] = (time.monotonic() + seconds, value)
        return value

    return answer
