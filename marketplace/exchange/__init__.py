"""Files into and out of the database: CSV and XLSX."""
