"""Projects of organizations, and the capacity they offer."""
