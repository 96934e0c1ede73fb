"""What messages say next."""

from __future__ import annotations

import pytest

from xlparity.check.expression import parse_expression
from xlparity.errors import MapError, did_you_mean


def test_the_likeliest_spelling_is_named_whatever_the_case() -> None:
    assert did_you_mean("layer1", ["Loss", "Layer 1"]) == "did you mean Layer 1?"
    assert did_you_mean("excel", ["embedded", "libreoffice"]) == "known are embedded, libreoffice"
    assert did_you_mean("x", map(str, range(100))).endswith("18, 19 and 80 more")


def test_a_tensor_that_the_map_lacks_is_answered_with_the_likeliest() -> None:
    with pytest.raises(MapError, match=r"'y_ht' is not a tensor of the map; did you mean y_hat\?"):
        parse_expression("y - y_ht", ["x", "y", "y_hat"], "Parity!A4")
