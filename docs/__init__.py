"""What makes the tables of the documentation."""
