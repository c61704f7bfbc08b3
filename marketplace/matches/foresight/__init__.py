"""Looking ahead: who may still come, what capacity is worth to them, and what a period would have been with it."""
