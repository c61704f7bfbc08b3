"""Needs of all five kinds, micro-wishes among them."""
