"""Notices to people: in the application at once, by e-mail at once or once a day, as each chooses."""
