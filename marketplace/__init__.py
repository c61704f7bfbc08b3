"""The Bangnin marketplace: a Flask application around the `matching` library."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from marketplace.app import create_app

__all__ = ["create_app"]


def __getattr__(name: str) -> Any:
    # Loaded on use: the command that matches two files must not pay for the web application.
    if name == "create_app":
        from marketplace.app import create_app

        return create_app
    raise AttributeError(name)
