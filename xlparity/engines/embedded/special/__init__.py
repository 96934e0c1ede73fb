"""Functions that see their arguments unevaluated: choices, variables, and those that need a reference."""

from xlparity.engines.embedded.special import choices, information, lambdas, ranges, references
from xlparity.engines.embedded.special.common import Special
from xlparity.model.table import Table

__all__ = ["NEVER_DECIDED", "SPECIAL"]

SPECIAL: Table[str, Special] = Table(
    "special functions", choices.TABLE, lambdas.TABLE, references.TABLE, information.TABLE, ranges.TABLE
)

# Known by name so that the reason is given, and never computed.
NEVER_DECIDED = frozenset({"AGGREGATE", "ISOMITTED", "SUBTOTAL"})
