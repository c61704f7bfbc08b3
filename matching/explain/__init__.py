"""Why this, why not that, why unmatched: accounts with numbers, and their sentences."""
