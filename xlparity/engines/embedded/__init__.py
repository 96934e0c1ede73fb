"""The embedded engine: formulas evaluated on torch tensors, a whole fill at once."""

from xlparity.engines.embedded.engine import EmbeddedEngine, Trace, functions

__all__ = ["EmbeddedEngine", "Trace", "functions"]
