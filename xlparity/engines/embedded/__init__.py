"""The engine that comes with xlparity: Excel's formulas on torch."""
