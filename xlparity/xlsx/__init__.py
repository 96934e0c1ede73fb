"""Reading and writing .xlsx files."""
