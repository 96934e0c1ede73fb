"""xlparity proves, cell by cell, that an Excel workbook and a PyTorch model compute the same thing."""
