"""Search over wishes, projects, organizations and (for staff) needs."""
