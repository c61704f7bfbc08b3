"""What waits for whoever signs in: the first page of staff, suppliers and volunteers."""
