"""parse(show(tree)) == tree for every tree that parse can return."""

from hypothesis import given
from hypothesis import strategies as st

from xlparity.formula import ast
from xlparity.formula.parse import parse
from xlparity.formula.show import show
from xlparity.model.value import Error

_sheets = st.one_of(st.none(), st.sampled_from(["Sheet1", "Layer 1", "it's", "A1", "R1C1", "Übung", "1st"]))
_names = st.sampled_from(["rate", "_xlpm.x", "Größe", "XFE1", "learning.rate", "\\n"])
_rows, _columns = st.integers(0, 1_048_575), st.integers(0, 16_383)
_cell = st.builds(ast.CellReference, _rows, _columns, st.booleans(), st.booleans())
_on_sheet = st.builds(ast.CellReference, _rows, _columns, st.booleans(), st.booleans(), _sheets)
_text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=5)
_number = st.floats(0, 1e300, allow_nan=False).map(lambda value: value + 0.0)
_constant = st.one_of(_number, _number.map(lambda value: -value), _text, st.booleans(), st.sampled_from(Error))
_columns_of_table = st.sampled_from(["x", "x y", "a[1]", "it's", "#1", "@"])

_leaves = st.one_of(
    st.builds(ast.Number, _number),
    st.builds(ast.Text, _text),
    st.builds(ast.Boolean, st.booleans()),
    st.builds(ast.ErrorLiteral, st.sampled_from(Error)),
    st.integers(1, 3).flatmap(
        lambda width: st.builds(
            ast.ArrayConstant,
            st.lists(st.tuples(*[_constant] * width), min_size=1, max_size=3).map(tuple),
        )
    ),
    _on_sheet,
    st.builds(ast.AreaReference, _cell, _cell, _sheets),
    st.builds(ast.AreaReference, _cell, _cell, st.just("Sheet1"), st.sampled_from(["Sheet3", "Sheet 3"])),
    st.builds(ast.WholeColumns, _columns, _columns, st.booleans(), st.booleans(), _sheets),
    st.builds(ast.WholeRows, _rows, _rows, st.booleans(), st.booleans(), _sheets),
    st.builds(ast.Name, _names, _sheets),
    st.builds(ast.TableReference, st.just("Table1"), st.just(()), _columns_of_table, st.none()),
    st.builds(ast.TableReference, st.just("Table1"), st.just(("#This Row",)), _columns_of_table, _columns_of_table),
    st.builds(ast.TableReference, st.none(), st.sampled_from([("#All",), ("#Headers", "#Data")])),
    st.builds(ast.External, st.just("1"), _on_sheet),
)


def _grow(inner: st.SearchStrategy[ast.Expression]) -> st.SearchStrategy[ast.Expression]:
    operator = st.sampled_from([*"+-*/^&=<> :,", "<>", "<=", ">="])
    argument = st.one_of(inner, st.just(ast.Missing()))
    arguments = st.lists(argument, max_size=3).map(lambda found: () if found == [ast.Missing()] else tuple(found))
    return st.one_of(
        st.builds(ast.Unary, st.sampled_from("-+@"), inner),
        st.builds(ast.Percent, inner),
        st.builds(ast.Binary, operator, inner, inner),
        st.builds(ast.Call, st.sampled_from(["SUM", "LOG10", "F.X"]), arguments, st.sampled_from(["", "_xlfn."])),
        st.builds(ast.Invoke, inner, arguments),
        st.builds(ast.SpillReference, inner),
    )


@given(st.recursive(_leaves, _grow, max_leaves=12))
def test_showing_and_parsing_gives_the_tree_back(tree: ast.Expression) -> None:
    assert parse(show(tree)) == tree
