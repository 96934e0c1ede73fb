"""Defaults of the command line's options, from the tables [tool.xlparity.COMMAND] of a pyproject.toml."""

from __future__ import annotations

from typing import Any

from cyclopts import App, ArgumentCollection
from cyclopts.config import Toml

from xlparity.errors import InputError, did_you_mean

__all__ = ["Defaults"]


class Defaults(Toml):
    """The file `pyproject.toml` of the current folder, or of the nearest folder above that has one.

    A name that is no command or no option of it is refused, as on the command line: a default that is silently not
    taken is worse than none.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path, root_keys=("tool", "xlparity"), search_parents=True)

    def __call__(self, app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
        """Enter the defaults of the command into its arguments.

        Raises InputError where the tables name what does not exist.
        """
        known = [name for name in app.app_stack.current_frame[0] if not name.startswith("-")]
        tables = _table(_table(self.config, "tool"), "xlparity")
        for name, table in tables.items():
            if not isinstance(table, dict):
                raise InputError(
                    f"{self.path}: [tool.xlparity] has the key {name!r}, but options stand in a table of their "
                    "command, such as [tool.xlparity.check]"
                )
            if name not in known:
                raise InputError(f"{self.path}: [tool.xlparity.{name}] is for no command; {did_you_mean(name, known)}")
        options = {name.lstrip("-") for argument in arguments for name in argument.names}
        for command in commands[:1]:
            for key in _table(tables, command):
                if key.replace("_", "-") not in options:
                    raise InputError(
                        f"{self.path}: [tool.xlparity.{command}] has the key {key!r}, which is no option of {command}; "
                        f"{did_you_mean(key, sorted(options))}"
                    )
        super().__call__(app, commands, arguments)


def _table(config: dict[str, Any], name: str) -> dict[str, Any]:
    found = config.get(name)
    return found if isinstance(found, dict) else {}
