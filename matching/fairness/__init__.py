"""Objectives beside tiers and fit: fairness between groups, balance between offers."""
