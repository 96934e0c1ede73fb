"""A map for a workbook that has none: which cells hold which tensor, and what torch computes it from."""
