"""The exact engine for problems without coupling rules: one flow, or prices that prove a large one best."""
