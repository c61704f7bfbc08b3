"""The engine for parts whose rules couple: integer programs, their bounds, and the search for better."""
