"""What computes a workbook's formulas."""
