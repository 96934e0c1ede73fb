"""The report as one web page: the sheets as grids, every cell with its verdict; no network, no libraries.

`page` fills the template, `sheets` says what stands in the cells and `judged` what was found there, as arrays that
`packed` joins to one text. The page itself (template, styles, scripts) stands in the folder `assets`.
"""

from xlparity.report.html.page import book_to_html, in_frame, report_to_html, summary_to_html

__all__ = ["book_to_html", "in_frame", "report_to_html", "summary_to_html"]
