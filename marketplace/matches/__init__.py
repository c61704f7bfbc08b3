"""Matching runs over the database and over files."""
