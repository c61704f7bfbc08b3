"""Rules of projects and their capacity: the only writers of these tables."""

from marketplace.projects.services.counters import give_back, take

__all__ = ["give_back", "take"]
