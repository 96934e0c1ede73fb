"""What xlparity talks about: cells, areas, blocks, books, values, maps, verdicts. Pure data, no torch, no files."""
