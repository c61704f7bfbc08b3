"""What one unit more or less is worth, by exchanges between the units of a solution."""
