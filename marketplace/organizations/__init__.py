"""Charities and the other suppliers of help, their verification, and their alliances."""
