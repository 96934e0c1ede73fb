"""Maps, and files that the command line takes, built to do harm: name -> what `check` is given beside a sound workbook.

The workbook has the numbers 1 to 12 in B1:D4 of the sheet S and their sums in A1:A4. Each case is a TOML map, or a map on
the sheet Parity, or options that name hostile files.
"""

from __future__ import annotations

import json
import os
import pickle
import struct
from collections.abc import Callable, Mapping
from pathlib import Path

from xlparity.model.area import Area
from xlparity.model.book import Book, Fill, Sheet
from xlparity.model.value import Cells
from xlparity.xlsx.write import write_book

__all__ = ["EXPRESSIONS", "MAPS", "OPTIONS", "SHEETS", "write_map"]

_X = '[[tensor]]\ntensor = "x"\nrole = "input"\ncells = "S!B1:D4"\n\n'


def _computed(torch: str, cells: str = "S!A1:A4", more: str = "") -> str:
    return f'[[tensor]]\ntensor = "y"\nrole = "computed"\ncells = "{cells}"\ntorch = {json.dumps(torch)}\n{more}\n'


# Python in the place of a torch expression.
EXPRESSIONS: Mapping[str, str] = {
    "import": "__import__('os').system('touch pwned')",
    "attributes": "x.__class__.__mro__[1].__subclasses__()",
    "attributes of a function": "torch.add.__globals__",
    "lambda": "(lambda: x)()",
    "comprehension": "[x for x in ().__class__.__bases__]",
    "format string": "f'{x.__class__}'",
    "walrus": "(y := x)",
    "starred": "torch.cat([*x])",
    "keywords unpacked": "torch.sum(**{'input': x})",
    "conditional": "x if x else x",
    "await": "await x",
    "torch.load": "torch.load('model.pt')",
    "torch.save": "torch.save(x, 'pwned')",
    "torch.hub": "torch.hub.load('a/b', 'c')",
    "torch.ops": "torch.ops.load_library('evil.so')",
    "torch.from_file": "torch.from_file('/etc/passwd', size=10)",
    "x.tofile": "x.numpy().tofile('pwned')",
    "x.data_ptr": "x.data_ptr()",
    "x.share_memory_": "x.share_memory_()",
    "out argument": "torch.add(x, x, out=x)",
    "in place": "aten.add_.Tensor(x, x)",
    "aten set": "aten.set_.source_Tensor(x, x)",
    "aten resize": "aten.resize_.default(x, [1000000000000])",
    "aten from_file": "aten.from_file.default('/etc/passwd')",
    "huge tensor": "torch.zeros(10**12)",
    "huge expand": "x.sum().expand(1000000, 1000000)",
    "huge expand, summed": "x.sum().expand(1000000, 1000000).sum()",
    "huge tile": "x.tile(1000000, 1000000)",
    "huge repeat by aten": "aten.repeat.default(x, [1000000, 1000000])",
    "huge outer": "torch.outer(x.sum().expand(10000000), x.sum().expand(10000000))",
    "huge arange": "aten.arange.default(1000000000000)",
    "huge full": "aten.full.default([100000, 100000], 1)",
    "huge pad": "aten.constant_pad_nd.default(x, [0, 1000000000], 0)",
    "huge one-hot": "aten.eye.default(1000000)",
    "huge product": "x.sum().expand(20000, 20000) @ x.sum().expand(20000, 20000)",
    "large product": "(x.sum().expand(5000, 5000) @ x.sum().expand(5000, 5000)).sum()",
    "many large products": "(x.sum().expand(3000, 3000) @ x.sum().expand(3000, 3000) @ x.sum().expand(3000, 3000) @ x.sum().expand(3000, 3000) @ x.sum().expand(3000, 3000)).sum()",
    "power tower": "9**9**9**9",
    "power tower of text": "'a' * 10**9",
    "integer of a billion digits": "x.sum(10**10**8)",
    "shift": "1 << 10**9",
    "list that repeats": "torch.stack([x] * 10**9)",
    "nested 1,000 deep": "-" * 1000 + "x",
    "brackets nested 1,000 deep": "(" * 1000 + "x" + ")" * 1000,
    "8,000 terms": "x" + "+x" * 2000,
    "8,193 characters": "x" + " " * 8192,
    "itself": "y + 1",
    "no such tensor": "z + 1",
    "device": "x.to('cuda')",
    "dtype as text": "x.view('float32')",
    "control characters": "x + '\x1b[2J'",
    "null": "x\0",
    "statement": "x; import os",
    "newline": "x\nimport os",
    "memory by views": "torch.cat([x.sum().expand(40000000), x.sum().expand(40000000)]).sum()",
    "svd": "aten._linalg_svd.default(x.sum().expand(3000, 3000))[1].sum()",
    "sort of 40 million": "aten.sort.default(x.sum().expand(40000000))[0].sum()",
    "cumsum of 40 million": "x.sum().expand(40000000).cumsum(0).sum()",
    "gradient of a gradient": "grad(grad(x.sum(), x).sum(), x)",
}  # fmt: skip

MAPS: Mapping[str, str] = {
    **{f"expression: {name}": _X + _computed(text) for name, text in EXPRESSIONS.items()},
    "cells of a whole sheet": _X + _computed("x.sum()", "S!A1:XFD1048576"),
    "input of a whole sheet": _X.replace("S!B1:D4", "S!A1:XFD1048576") + _computed("x.sum(1, keepdim=True)"),
    "cells outside the sheet": _X + _computed("x.sum(1, keepdim=True)", "S!A1:ZZZ9999999"),
    "cells of another workbook": _X + _computed("x.sum(1, keepdim=True)", "'[/etc/passwd]S'!A1:A4"),
    "cells of another file": _X + _computed("x.sum(1, keepdim=True)", "file:///etc/passwd"),
    "areas without end": _X + _computed("x.sum(1, keepdim=True)", "S!A1:A1; ...; S!XFD1048575:XFD1048575"),
    "a million areas": _X + _computed("x.sum(1, keepdim=True)", "; ".join(["S!A1"] * 100_000)),
    "shape beyond the cells": _X + _computed("x.sum(1, keepdim=True)", more='shape = "2000000000, 2000000000"'),
    "10,000 dimensions": _X + _computed("x.sum(1, keepdim=True)", more=f'shape = "{"1," * 10_000}"'),
    "module that leads elsewhere": _X + _computed("x.sum(1, keepdim=True)", more='module = "os:system"'),
    "a model named in the map": 'model = "evil.py:net"\n' + _X + _computed("x.sum(1, keepdim=True)"),
    "a file named in the map": _X + _computed("x.sum(1, keepdim=True)", more='file = "../../etc/passwd"'),
    "weights named in the map": 'weights = "../evil.pt"\n' + _X + _computed("x.sum(1, keepdim=True)"),
    "tensor with a path for a name": _X.replace('"x"', '"../../x"') + _computed("x.sum(1, keepdim=True)"),
    "tensor with escapes for a name": _X.replace('"x"', '"\\u001b[2Jx"') + _computed("x.sum(1, keepdim=True)"),
    "tensor of markup": _X.replace('"x"', '"<script>alert(1)</script>"') + _computed("x.sum(1, keepdim=True)"),
    "no tables": "tensor = 1",
    "tables nested 10,000 deep": "a = " + "[" * 10_000 + "]" * 10_000,
    "keys nested 10,000 deep": "a" + ".a" * 10_000 + " = 1",
    "20,000 rows": _X + "".join(_computed("x.sum(1, keepdim=True)").replace('"y"', f'"y{i}"') for i in range(20_000)),
    "20,000 rows in a chain": _X + "".join(
        _computed("x.sum(1, keepdim=True)" if not i else f"y{i - 1}").replace('"y"', f'"y{i}"') for i in range(20_000)
    ),
    "rows that double": _X + "".join(
        _computed("x.sum(1, keepdim=True)" if not i else f"y{i - 1} + y{i - 1}").replace('"y"', f'"y{i}"') for i in range(100)
    ),
    "rows that grow": _X + "".join(
        _computed("x" if not i else f"torch.cat([y{i - 1}, y{i - 1}])").replace('"y"', f'"y{i}"') for i in range(40)
    ),
    "300 large products": _X + "".join(
        _computed("(x.sum().expand(2000, 2000) @ x.sum().expand(2000, 2000)).sum().expand(4)").replace('"y"', f'"y{i}"')
        for i in range(300)
    ),
    "decimals of a million": _X + _computed("x.sum(1, keepdim=True)", more="decimals = 1000000"),
    "a number of 100,000 digits": _X + _computed("x.sum(1, keepdim=True)", more=f"decimals = {'9' * 100_000}"),
    "17 MB": "#" * 17_000_000,
    "empty": "",
    "bytes that are no UTF-8": "\udcff\udcfe",
    "null bytes": "\0" * 1000,
}  # fmt: skip

# The same expressions stand on a sheet Parity; one is enough to see that nothing else is read there.
SHEETS: Mapping[str, list[tuple[str, str, str, str]]] = {
    "Parity sheet that imports": [("y", "computed", "S!A1:A4", EXPRESSIONS["import"])],
    "Parity sheet of formulas": [('=HYPERLINK("http://127.0.0.1:9/")', "computed", "S!A1:A4", "=cmd|'/c calc'!A1")],
    "Parity sheet of markup": [("</script><script>alert(1)</script>", "input", "S!B1:D4", "")],
    "Parity sheet without a heading": [],
    "Parity sheet of itself": [("y", "computed", "Parity!A1:D2", "y")],
}


def write_map(name: str, path: Path) -> None:
    """The workbook of the case `name`, with its map."""
    row, column = (int(part) for part in (4, 3))
    cells = {(r, c + 1): float(r * column + c + 1) for r in range(row) for c in range(column)}
    sheets = [Sheet("S", Cells.of(cells), (Fill(Area.of("S", 0, 0, 4, 1), "SUM(B1:D1)"),))]
    if name in SHEETS:
        rows = [("tensor", "role", "cells", "torch"), *SHEETS[name]] if SHEETS[name] else [("a", "b", "c", "d")]
        texts = {(at, place): text for at, line in enumerate(rows) for place, text in enumerate(line) if text}
        sheets.append(Sheet("Parity", Cells.of(texts)))
    else:
        content = MAPS.get(name, _X + _computed("x.sum(1, keepdim=True)"))
        path.with_suffix(".parity.toml").write_bytes(content.encode("utf-8", "surrogateescape"))
    write_book(Book(tuple(sheets)), path)


class _Evil:
    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch pwned",)


def _safetensors(header: bytes, length: int | None = None, data: bytes = b"") -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header + data


_FILES: Mapping[str, tuple[str, bytes]] = {
    "weights that are a pickle": ("w.pt", pickle.dumps(_Evil())),
    "weights that are a pickle by another name": ("w.safetensors", pickle.dumps(_Evil())),
    "weights with a header of 2^60 bytes": ("w.safetensors", _safetensors(b"{}", 1 << 60)),
    "weights with a header that is no JSON": ("w.safetensors", _safetensors(b"\xff" * 100)),
    "weights with a header nested 10,000 deep": ("w.safetensors", _safetensors(b"[" * 10_000 + b"]" * 10_000)),
    "weights with data outside the file": (
        "w.safetensors",
        _safetensors(b'{"weight":{"dtype":"F64","shape":[1000000000],"data_offsets":[0,8000000000]}}'),
    ),
    "weights of another model": (
        "w.safetensors",
        _safetensors(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', None, b"\0\0\0\0"),
    ),
    "weights that are empty": ("w.safetensors", b""),
    "weights that are text": ("w.safetensors", b"hello"),
    "map that is a pickle": ("m.toml", pickle.dumps(_Evil())),
}


def _options(name: str, folder: Path) -> list[str]:
    file, content = _FILES[name]
    (folder / file).write_bytes(content)
    if file == "m.toml":
        return ["--map", str(folder / file)]
    (folder / "model.py").write_text("import torch\nnet = torch.nn.Linear(3, 1).double()\n")
    return ["--model", f"{folder / 'model.py'}:net", "--weights", str(folder / file)]


# Options of `check`, after their files are written into the folder.
OPTIONS: Mapping[str, Callable[[str, Path], list[str]]] = dict.fromkeys(_FILES, _options)
