"""The documentation's settings for Sphinx: `make docs`."""

from __future__ import annotations

from xlparity.version import __version__

project = "xlparity"
author = "the xlparity authors"
release = __version__
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"xlparity {release}"
