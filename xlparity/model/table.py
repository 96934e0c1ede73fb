"""Registries: explicit tables, filled by decorators, merged in one visible place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

__all__ = ["Table"]

K = TypeVar("K")
R = TypeVar("R")


class Table(Mapping[K, R]):
    """A mapping that refuses a second rule for the same key and names both.

    Examples
    --------
    >>> table = Table("units")
    >>> @table.rule("m")
    ... def metre() -> float: return 1.0
    >>> table["m"]()
    1.0
    """

    def __init__(self, name: str, *parts: Mapping[K, R]) -> None:
        self.name = name
        self._rules: dict[K, R] = {}
        for part in parts:
            for key, rule in part.items():
                self.add(key, rule)

    def add(self, key: K, rule: R) -> None:
        """Enter `rule` under `key`; ValueError if the key is taken."""
        if key in self._rules:
            raise ValueError(f"{self.name}: {key!r} is defined twice: {self._rules[key]!r} and {rule!r}")
        self._rules[key] = rule

    def rule(self, *keys: K) -> Callable[[R], R]:
        """Decorator that enters a rule under each of `keys`."""

        def enter(rule: R) -> R:
            for key in keys:
                self.add(key, rule)
            return rule

        return enter

    def __getitem__(self, key: K) -> R:
        return self._rules[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)
