"""The trail as a whole, for those who watch over it: read, filtered, verified. Nothing here changes anything."""
