"""Capacity kept back for needs still to come: the aim of a run that has a reserve."""
