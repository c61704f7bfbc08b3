"""The days to come: what a change would do, and runs night after night."""
