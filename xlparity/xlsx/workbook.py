"""The parts beside the sheets: workbook, shared strings, metadata, tables, title."""

from __future__ import annotations

from dataclasses import dataclass

from xlparity.errors import InputError
from xlparity.formula.a1 import parse_area
from xlparity.limits import VARIABLE
from xlparity.model.book import DefinedName, Table
from xlparity.model.value import Error
from xlparity.xlsx.package import Package
from xlparity.xlsx.text import decode

__all__ = [
    "MAX_PIECES",
    "NAMESPACES",
    "SheetPart",
    "Workbook",
    "dynamic_cell_metadata",
    "read_shared_strings",
    "read_table",
    "read_title",
    "read_workbook",
    "rich_errors",
]

# A workbook's main part has this local name in the transitional and in the strict namespace.
NAMESPACES = (
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    "http://purl.oclc.org/ooxml/spreadsheetml/main",
)
# Text nodes arrive in pieces of 64 KiB; a cell's text or formula ends far below this many pieces.
MAX_PIECES = 64
# Errors younger than the file format, by the `errorType` of their rich value, as Excel wrote them.
_RICH_ERRORS = {"8": Error.SPILL, "13": Error.CALC}


@dataclass(frozen=True, slots=True)
class SheetPart:
    """A worksheet's name and its part."""

    name: str
    part: str


@dataclass(frozen=True, slots=True)
class Workbook:
    """What the workbook part says."""

    part: str
    sheets: tuple[SheetPart, ...]
    names: tuple[DefinedName, ...]
    date1904: bool
    shared_strings: str | None
    metadata: str | None
    rich_values: str | None
    rich_structures: str | None
    styles: str | None


def read_workbook(package: Package) -> Workbook:
    """The workbook part, its worksheets in order (hidden ones too) and its defined names."""
    main = next((r.target for r in package.relations("").values() if r.kind == "officeDocument"), None)
    if main is None:
        raise package.error("is a zip package but no Office document; name an .xlsx file")
    if main.lower().endswith(".bin"):
        raise package.error("is a binary workbook (.xlsb); save it as .xlsx in Excel")
    relations = package.relations(main)
    listed: list[tuple[str, str]] = []
    raw_names: list[tuple[str, str | None, list[str]]] = []
    date1904 = False
    depth = 0
    inside_name = False

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, date1904, inside_name
        namespace, _, local = tag.rpartition(" ")
        if depth == 0 and (local != "workbook" or namespace not in NAMESPACES):
            raise package.error(f"is no workbook but another Office document (its main part is <{local}>)")
        depth += 1
        if namespace not in NAMESPACES:
            return
        if local == "workbookPr":
            date1904 = attributes.get("date1904", "0") in ("1", "true", "on")
        elif local == "sheet" and depth == 3:
            relation = next((value for key, value in attributes.items() if key.endswith("relationships id")), "")
            listed.append((attributes.get("name", ""), relation))
        elif local == "definedName":
            inside_name = True
            raw_names.append((attributes.get("name", ""), attributes.get("localSheetId"), []))
            if len(raw_names) > package.limits.names:
                raise package.error(
                    f"has more than {package.limits.names:,} defined names; {VARIABLE}=names=... raises the limit"
                )

    def end(tag: str) -> None:
        nonlocal depth, inside_name
        depth -= 1
        if tag.endswith(" definedName"):
            inside_name = False

    def text(data: str) -> None:
        if inside_name:
            raw_names[-1][2].append(data)

    package.parse(main, start, end, text)
    sheets = []
    seen: set[str] = set()
    for name, identifier in listed:
        if identifier not in relations:
            raise package.error(f"the sheet {name!r} has no part (relationship {identifier!r} is missing)")
        relation = relations[identifier]
        if relation.kind != "worksheet":
            continue  # chart sheets, dialogs and macro sheets have no cells that a check could mean
        if not name or name.casefold() in seen:
            raise package.error(f"two sheets are called {name!r}; Excel allows a name once")
        seen.add(name.casefold())
        sheets.append(SheetPart(name, relation.target))
    if not sheets:
        raise package.error("has no worksheet")
    kinds = {relation.kind: relation.target for relation in relations.values()}
    return Workbook(
        main,
        tuple(sheets),
        _defined_names(package, raw_names, [name for name, _ in listed]),
        date1904,
        kinds.get("sharedStrings"),
        kinds.get("sheetMetadata"),
        kinds.get("rdRichValue"),
        kinds.get("rdRichValueStructure"),
        kinds.get("styles"),
    )


def _defined_names(
    package: Package, raw: list[tuple[str, str | None, list[str]]], sheets: list[str]
) -> tuple[DefinedName, ...]:
    names = []
    for name, local, pieces in raw:
        if name.startswith("_xlnm."):
            continue  # print areas and filters: no formula means them
        scope = None
        if local is not None:
            if not local.isdecimal() or int(local) >= len(sheets):
                raise package.error(
                    f"the defined name {name!r} belongs to sheet number {local!r}, which does not exist"
                )
            scope = sheets[int(local)]
        names.append(DefinedName(name, "".join(pieces), scope))
    return tuple(names)


def read_shared_strings(package: Package, part: str | None) -> list[str]:
    """The shared texts; runs of rich text joined, phonetic guides left out."""
    texts: list[str] = []
    if part is None:
        return texts
    pieces: list[str] = []
    inside = False
    phonetic = 0

    def start(tag: str, _: dict[str, str]) -> None:
        nonlocal inside, phonetic
        local = tag.rpartition(" ")[2]
        if local == "t":
            inside = not phonetic
        elif local == "rPh":
            phonetic += 1

    def end(tag: str) -> None:
        nonlocal inside, phonetic
        local = tag.rpartition(" ")[2]
        if local == "t":
            inside = False
        elif local == "si":
            texts.append(decode("".join(pieces)))
            pieces.clear()
        elif local == "rPh":
            phonetic -= 1

    def text(data: str) -> None:
        if inside:
            pieces.append(data)
            if len(pieces) > MAX_PIECES and sum(map(len, pieces)) > MAX_PIECES << 16:
                raise package.error(f"the part {part!r} has a text of many million characters; a cell holds 32,767")

    package.parse(part, start, end, text)
    return texts


def dynamic_cell_metadata(package: Package, part: str | None) -> frozenset[str]:
    """The values of a cell's attribute `cm` that mark a dynamic array formula.

    They count, from 1, the records of `cellMetadata`; a record of the type XLDAPR means a dynamic array.
    """
    if part is None or part not in package:
        return frozenset()
    types: list[str] = []
    records: list[str] = []
    inside = False

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal inside
        local = tag.rpartition(" ")[2]
        if local == "metadataType":
            types.append(attributes.get("name", ""))
        elif local == "cellMetadata":
            inside = True
        elif inside and local == "bk":
            records.append("")
        elif inside and local == "rc" and records:
            number = attributes.get("t", "")
            if number.isdecimal() and 1 <= int(number) <= len(types):
                records[-1] += " " + types[int(number) - 1]

    def end(tag: str) -> None:
        nonlocal inside
        if tag.endswith(" cellMetadata"):
            inside = False

    package.parse(part, start, end)
    return frozenset(str(number) for number, kinds in enumerate(records, 1) if "XLDAPR" in kinds.split())


def rich_errors(package: Package, workbook: Workbook) -> dict[str, Error]:
    """The errors that a cell's attribute `vm` stands for, where the cell itself says #VALUE! for older readers.

    `vm` counts, from 1, the records of `valueMetadata`; such a record of the type XLRICHVALUE counts the records of
    `futureMetadata`, and these the rich values, whose structure `_error` has a field `errorType`. Other rich values
    (pictures, stocks) are left alone.
    """
    parts = (workbook.metadata, workbook.rich_values, workbook.rich_structures)
    if any(part is None or part not in package for part in parts):
        return {}
    types: list[str] = []
    future: list[int] = []
    records: list[tuple[int, int]] = []
    structures: list[tuple[str, list[str]]] = []
    values: list[tuple[int, list[str]]] = []
    inside = ""

    def number(attributes: dict[str, str], name: str) -> int:
        text = attributes.get(name, "")
        return int(text) if text.isdecimal() and len(text) < 10 else -1

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal inside
        local = tag.rpartition(" ")[2]
        if local in ("futureMetadata", "valueMetadata", "cellMetadata"):
            inside = local + (" rich" if attributes.get("name") == "XLRICHVALUE" else "")
        elif local == "metadataType":
            types.append(attributes.get("name", ""))
        elif local == "rvb" and inside == "futureMetadata rich":
            future.append(number(attributes, "i"))
        elif local == "rc" and inside == "valueMetadata":
            records.append((number(attributes, "t"), number(attributes, "v")))
        elif local == "s":
            structures.append((attributes.get("t", ""), []))
        elif local == "k" and structures:
            structures[-1][1].append(attributes.get("n", ""))
        elif local == "rv":
            values.append((number(attributes, "s"), []))
        elif local == "v" and values:
            values[-1][1].append("")

    def text(data: str) -> None:
        if values and values[-1][1]:
            values[-1][1][-1] += data

    for part in parts:
        package.parse(part or "", start, lambda _: None, text)
    errors: dict[str, Error] = {}
    for count, (kind, at) in enumerate(records, 1):
        if not (1 <= kind <= len(types) and types[kind - 1] == "XLRICHVALUE" and 0 <= at < len(future)):
            continue
        if not 0 <= future[at] < len(values):
            continue
        structure, fields = values[future[at]]
        name, keys = structures[structure] if 0 <= structure < len(structures) else ("", [])
        found = dict(zip(keys, fields, strict=False)).get("errorType")
        if name == "_error" and found in _RICH_ERRORS:
            errors[str(count)] = _RICH_ERRORS[found]
    return errors


def read_table(package: Package, part: str, sheet: str) -> Table:
    """A table of `sheet`."""
    root: dict[str, str] = {}
    columns: list[str] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        local = tag.rpartition(" ")[2]
        if local == "table":
            root.update(attributes)
        elif local == "tableColumn":
            columns.append(decode(attributes.get("name", "")))

    package.parse(part, start)
    name = decode(root.get("displayName") or root.get("name", ""))
    header, totals = root.get("headerRowCount", "1"), root.get("totalsRowCount", "0")
    try:
        area = parse_area(root.get("ref", ""), sheet)
    except InputError as error:
        raise package.error(f"the table {name!r}: {error}") from None
    if not (header.isdecimal() and totals.isdecimal()) or int(header) + int(totals) > area.height:
        raise package.error(f"the table {name!r} has more heading and totals rows than rows")
    return Table(name, area, tuple(columns), int(header), int(totals))


def read_title(package: Package) -> str:
    """The document's title, empty if it has none."""
    part = next((r.target for r in package.relations("").values() if r.kind == "core-properties"), None)
    pieces: list[str] = []
    inside = False
    if part is None or part not in package:
        return ""

    def start(tag: str, _: dict[str, str]) -> None:
        nonlocal inside
        inside = tag.endswith(" title")

    def end(_: str) -> None:
        nonlocal inside
        inside = False

    def text(data: str) -> None:
        if inside:
            pieces.append(data)

    package.parse(part, start, end, text)
    return "".join(pieces)
