"""Needs still to come: drawn from a record, and what capacity is worth to them."""
