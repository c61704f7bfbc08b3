"""Households, the people in them, triage and consent."""
