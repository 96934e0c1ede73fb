"""Excel's formula language: text to syntax tree and back."""
