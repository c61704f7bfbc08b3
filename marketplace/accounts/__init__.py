"""Users, their roles and memberships, sign-in."""
