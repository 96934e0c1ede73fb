"""Which functions take their arguments in a special way."""

from __future__ import annotations

__all__ = ["ARRAY_FUNCTIONS", "UP_TO_USED", "WHOLE_FUNCTIONS"]

_ARRAY = """
    CORREL COVAR COVARIANCE.P COVARIANCE.S FORECAST FORECAST.LINEAR FREQUENCY GROWTH INTERCEPT LINEST LOGEST LOOKUP
    MDETERM MINVERSE MMULT MODE MUNIT PEARSON PROB RSQ SLOPE STEYX SUMPRODUCT SUMX2MY2 SUMX2PY2 SUMXMY2 TRANSPOSE TREND
    CHOOSECOLS CHOOSEROWS DROP EXPAND FILTER HSTACK SEQUENCE SORT SORTBY TAKE TOCOL TOROW UNIQUE VSTACK WRAPCOLS
    WRAPROWS XLOOKUP XMATCH
"""
# Functions whose arguments are calculated as arrays even in an ordinary formula. Source: the classes of parameters in
# OpenOffice's documentation of the Excel file format, section 3.11 (class A); the newer functions all do.
ARRAY_FUNCTIONS = frozenset(_ARRAY.split())

# Functions that see ranges whole, although their parameters are single values.
WHOLE_FUNCTIONS = frozenset({"COUNT", "COUNTA"})

_USED = """
    AND AVEDEV AVERAGE AVERAGEA AVERAGEIF AVERAGEIFS CORREL COUNT COUNTA DEVSQ GEOMEAN HARMEAN HLOOKUP INDEX INTERCEPT
    KURT LARGE LOOKUP MATCH MAX MAXA MAXIFS MEDIAN MIN MINA MINIFS MODE MODE.SNGL OR PERCENTILE PERCENTILE.EXC
    PERCENTILE.INC PRODUCT QUARTILE QUARTILE.EXC QUARTILE.INC RANK RANK.AVG RANK.EQ SKEW SLOPE SMALL STDEV STDEV.P
    STDEV.S STDEVA STDEVP STDEVPA SUM SUMIF SUMIFS SUMPRODUCT SUMSQ SUMX2MY2 SUMX2PY2 SUMXMY2 VAR VAR.P VAR.S VARA VARP
    VARPA VLOOKUP XLOOKUP XMATCH XOR
"""
# Functions to which empty cells at the end of a range mean nothing, so that A:A is read as far as the sheets reach. One
# empty row is always left, for lookups that find an empty cell.
UP_TO_USED = frozenset(_USED.split())
