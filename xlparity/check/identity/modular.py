"""Arithmetic modulo primes, and how high the degrees of the polynomials get that are evaluated in it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite

__all__ = ["Degree", "NotRational", "drawn_primes", "residue", "simplest"]

_LOWEST, _HIGHEST = 1 << 30, 1 << 31  # a product of two residues fits into int64
# Deterministic for numbers below 3,215,031,751: Jaeschke, On strong pseudoprimes to several bases, 1993.
_WITNESSES = (2, 3, 5, 7)
_LARGEST_DENOMINATOR = 1_000_000


class NotRational(Exception):
    """Something is no polynomial or rational function, or is not known to be one."""


@dataclass(frozen=True, slots=True)
class Degree:
    """Bounds for the degrees of the numerator and the denominator of a rational function."""

    above: int = 0
    below: int = 0

    def __add__(self, other: Degree) -> Degree:
        return Degree(max(self.above + other.below, other.above + self.below), self.below + other.below)

    def __mul__(self, other: Degree) -> Degree:
        return Degree(self.above + other.above, self.below + other.below)

    def __truediv__(self, other: Degree) -> Degree:
        return Degree(self.above + other.below, self.below + other.above)

    def __or__(self, other: Degree) -> Degree:
        """A bound for both."""
        return Degree(max(self.above, other.above), max(self.below, other.below))

    def power(self, exponent: int) -> Degree:
        """Of the function raised to an integer."""
        high, low = (self.above, self.below) if exponent >= 0 else (self.below, self.above)
        return Degree(high * abs(exponent), low * abs(exponent))

    def sum_of(self, terms: int) -> Degree:
        """Of a sum of so many functions, each with a denominator of its own."""
        more = max(terms - 1, 0) * self.below
        return Degree(self.above + more, self.below + more)

    def apart(self, other: Degree) -> int:
        """Of the polynomial that is zero exactly if the two functions are the same."""
        return max(self.above + other.below, other.above + self.below)


def simplest(value: float) -> Fraction:
    """The number that a float64 is written for: 1/3 for 0.3333333333333333, 1/10 for 0.1, else its exact value.

    Raises NotRational for what is not finite or stands for infinity.
    """
    if not isfinite(value) or abs(value) >= 1e300:
        raise NotRational(f"{value} is no number of a field")
    exact = Fraction(value)
    simple = exact.limit_denominator(_LARGEST_DENOMINATOR)
    return simple if float(simple) == value else exact


def residue(number: Fraction, prime: int) -> int:
    """A fraction modulo a prime."""
    try:
        return number.numerator * pow(number.denominator, -1, prime) % prime
    except ValueError:
        raise NotRational(f"{number} has no residue modulo {prime}") from None


def drawn_primes(count: int, source: random.Random) -> list[int]:
    """So many different primes between 2^30 and 2^31, each as likely as any other."""
    found: dict[int, None] = {}
    while len(found) < count:
        number = source.randrange(_LOWEST + 1, _HIGHEST, 2)
        if _is_prime(number):
            found[number] = None
    return list(found)


def _is_prime(number: int) -> bool:
    for witness in _WITNESSES:
        exponent = number - 1
        while (power := pow(witness, exponent, number)) == 1 and exponent % 2 == 0:
            exponent //= 2
        if power not in (1, number - 1):  # the only square roots of 1 modulo a prime
            return False
    return True
