"""Impact assessments of personal-data protection, on record before a channel goes live (rule P16)."""
