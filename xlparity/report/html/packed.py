"""Arrays in a page: joined, deflated, in base64, since a hundred thousand numbers as decimals are slow and long.

Each array is laid out plane by plane, all first bytes, then all second bytes and so on: the exponents of a tensor's
numbers are alike and their mantissas are not, and so deflating finds what there is to find.
"""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Packer"]

_TYPES = {"u1": np.uint8, "i1": np.int8, "u2": np.uint16, "i4": np.int32, "f8": np.float64}
_LEVEL = 6


class Packer:
    """Gathers arrays; each is named in the page by its type, where its bytes begin and how many elements it has."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._length = 0

    def add(self, array: NDArray[Any], name: str) -> list[Any]:
        """Take `array` over as elements of the type `name`; the reference to it."""
        flat = np.ascontiguousarray(array, np.dtype(_TYPES[name]).newbyteorder("<")).ravel()
        data = flat.view(np.uint8).reshape(flat.size, flat.itemsize).T.tobytes()
        reference = [name, self._length, flat.size]
        self._pieces.append(data)
        self._length += len(data)
        return reference

    def text(self) -> str:
        """All arrays, deflated (RFC 1950), in base64."""
        return base64.b64encode(zlib.compress(b"".join(self._pieces), _LEVEL)).decode()
