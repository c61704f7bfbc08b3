"""Tests of what runs keep for later."""
