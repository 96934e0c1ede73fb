"""What is written is what is read, for any book."""

from io import BytesIO

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.laws import examples
from tests.unit.xlsx.examples import cells_of
from xlparity.model.area import Area
from xlparity.model.book import Book, Fill, FillKind, Layout, Sheet, Style
from xlparity.model.value import Cells, Error
from xlparity.xlsx.read import read_book
from xlparity.xlsx.write import write_book

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_SCALARS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False), _TEXTS, st.booleans(), st.sampled_from(list(Error))
)
_NAMES = st.text(
    st.characters(categories=["L", "N", "P", "S", "Zs"], exclude_characters="[]:*?/\\'"), min_size=1, max_size=9
)
_REFERENCES = [
    "A1",
    "$B$2",
    "C$3:$D4",
    "A:A",
    "$1:2",
    "'It''s'!B7",
    "Other!$C1",
    "1.5E10",
    '"A1%d&<"',
    "LOG10(E5)",
    "TRUE",
]
_FORMULAS = st.lists(st.sampled_from(_REFERENCES), min_size=1, max_size=4).map("+".join)
_PLACES = st.tuples(st.integers(0, 12), st.integers(0, 8))


@st.composite
def sheets(draw, name):
    taken = set()
    fills = []
    for corner in draw(st.lists(_PLACES, max_size=4)):
        area = Area.of(name, *corner, draw(st.integers(1, 4)), draw(st.integers(1, 3)))
        if taken.isdisjoint(area.cells()):
            taken.update(area.cells())
            fills.append(Fill(area, draw(_FORMULAS), draw(st.sampled_from(FillKind))))
    constants = draw(st.dictionaries(_PLACES, _SCALARS, max_size=12))
    constants = {place: value for place, value in constants.items() if Area.of(name, *place).corner not in taken}
    cached = {(cell.row, cell.column): draw(_SCALARS) for cell in sorted(taken) if draw(st.booleans())}
    styles = [
        (Area.of(name, *place, 2, 2), draw(st.sampled_from(Style))) for place in draw(st.lists(_PLACES, max_size=3))
    ]
    return Sheet(name, Cells.of(constants), tuple(fills), Cells.of(cached), Layout(styles=tuple(styles)))


@st.composite
def books(draw):
    names = draw(st.lists(_NAMES, min_size=1, max_size=3, unique_by=lambda name: name.casefold()))
    return Book(tuple(draw(sheets(name)) for name in names), title=draw(_TEXTS.filter(str.isprintable)))


@given(books())
@settings(max_examples=examples(60))
def test_reading_what_was_written_gives_the_same_book(tmp_path_factory, book):
    path = tmp_path_factory.mktemp("law") / "book.xlsx"
    write_book(book, path)
    read = read_book(path)
    assert cells_of(read) == cells_of(book)
    assert [sheet.name for sheet in read.sheets] == [sheet.name for sheet in book.sheets]
    assert read.title == book.title
    again = BytesIO()
    write_book(book, again)
    assert again.getvalue() == path.read_bytes()
