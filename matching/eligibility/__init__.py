"""The hard rules: which offer may serve which need."""
