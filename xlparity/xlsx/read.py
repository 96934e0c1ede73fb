"""Reading a workbook: own, thin and hardened, because the file may come from anyone.

One pass over each part, by expat or, for rows of cells in the usual spelling, past it (`lexical`); document types
refused, sizes limited, nothing fetched, nothing run. Both the transitional and the strict namespaces are read.
"""

from __future__ import annotations

import os
from pathlib import Path

from xlparity.limits import Limits
from xlparity.model.book import Book, Table
from xlparity.xlsx.formats import read_formats
from xlparity.xlsx.package import Package
from xlparity.xlsx.sheet import Context, read_sheet
from xlparity.xlsx.workbook import (
    dynamic_cell_metadata,
    read_shared_strings,
    read_table,
    read_title,
    read_workbook,
    rich_errors,
)

__all__ = ["Limits", "read_book"]


def read_book(path: str | os.PathLike[str], limits: Limits | None = None) -> Book:
    """The workbook in the file at `path`, its formulas grouped into fills.

    Parameters
    ----------
    path
        An .xlsx or .xlsm file; macros are not looked at.
    limits
        How much it may unpack to; the default refuses zip bombs.

    Returns
    -------
    Book
        Sheets in the file's order, hidden ones too, chart sheets left out. `cached` has the values that the file
        remembers for formulas; a formula without one has no entry. Of the looks only what an `Appearance` holds.

    Raises
    ------
    WorkbookError
        The file is missing, encrypted, of another format, damaged or built to do harm. It says what, where and why.
    """
    with Package(Path(path), limits) as package:
        workbook = read_workbook(package)
        formats = read_formats(package, workbook.styles)
        context = Context(
            read_shared_strings(package, workbook.shared_strings),
            dynamic_cell_metadata(package, workbook.metadata),
            workbook.date1904,
            rich_errors(package, workbook),
            len(formats),
        )
        sheets = []
        tables: list[Table] = []
        for sheet in workbook.sheets:
            sheets.append(read_sheet(package, sheet.part, sheet.name, context))
            for relation in package.relations(sheet.part).values():
                if relation.kind == "table":
                    tables.append(read_table(package, relation.target, sheet.name))
        return Book(tuple(sheets), workbook.names, tuple(tables), workbook.date1904, read_title(package), formats)
