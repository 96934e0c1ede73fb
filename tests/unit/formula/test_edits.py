import pytest

from xlparity.formula.ast import CellReference
from xlparity.formula.edits import additions, replacements, single_edits
from xlparity.formula.parse import parse
from xlparity.formula.show import show

REFERENCES = [CellReference(9, 1), CellReference(9, 2, sheet="Layer 2")]


def texts(edits):
    return [show(edit) for edit in edits]


@pytest.mark.parametrize(
    ("formula", "edited"),
    [
        ("SUM(D2:D3)", {"SUM(D2:D4)", "SUM(D1:D2)", "SUM(D1:D3)", "SUM(D3:D4)", "AVERAGE(D2:D3)", "D2:D3"}),
        ("-$B$12*H9", {"$B$12*H9", "-$B$11*H9", "-$B$12*H10", "-$B$12/H9", "-$B$12+H9", "H9", "-$B$12"}),
        ("(A2-B2)^2", {"(B2-A2)^2", "A2-B2", "(A2-B2)*2", "(A2-B2)^3", "(A3-B2)^2"}),
        ("IF(A1>0,A1,0.1*A1)", {"IF(A1>=0,A1,0.1*A1)", "IF(A1>1,A1,0.1*A1)", "IF(A1>0,A1,0.2*A1)"}),
        ("1%", {"1", "2%"}),
        ("SUM(A1,B1)", {"SUM(A1)", "SUM(B1)", "A1"}),
        ("ABS(A1)", {"MAX(A1,0)", "EXP(A1)", "A1"}),
        ("PI()*A1", {"-PI()*A1", "PI()/A1", "PI()", "A1"}),
    ],
)
def test_edits_that_slips_and_repairs_are_made_of(formula, edited):
    found = texts(single_edits(parse(formula)))
    assert edited <= set(found)
    assert formula not in found


def test_references_come_first_and_stay_on_the_sheet():
    found = texts(single_edits(parse("A1*XFD1048576")))
    assert found[:2] == ["A2*XFD1048576", "B1*XFD1048576"]
    assert found[2:4] == ["A1*XFD1048575", "A1*XFC1048576"]


def test_what_was_left_out_is_put_back():
    found = texts(additions(parse("F9"), REFERENCES))
    assert {"F9+B10", "F9*'Layer 2'!C10", "-F9", "F9^2", "2*F9", "MAX(F9,0)"} <= set(found)


def test_one_reference_is_replaced_by_another():
    assert texts(replacements(parse("A1+A2"), REFERENCES)) == [
        "B10+A2", "'Layer 2'!C10+A2", "A1+B10", "A1+'Layer 2'!C10",
    ]  # fmt: skip


@pytest.mark.parametrize("formula", ["SUMPRODUCT($B$8:$B$10,C24:C26)", "-2^2", "IF(-A1<>B1,1/(1+EXP(-A1)),2-(3-A1)%)"])
def test_an_edit_reads_back_as_itself(formula):
    for edit in (*single_edits(parse(formula)), *additions(parse(formula), REFERENCES)):
        assert parse(show(edit)) == edit
