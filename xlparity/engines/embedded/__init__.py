"""The embedded engine: formulas evaluated on torch tensors, a whole fill at once."""

from xlparity.engines.embedded.engine import EmbeddedEngine

__all__ = ["EmbeddedEngine"]
