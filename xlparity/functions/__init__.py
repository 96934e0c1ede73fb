"""Excel's functions on torch tensors, by family."""
