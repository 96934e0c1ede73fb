"""From tensors to cells: placing and emitting sheets."""
