"""Order in a graph of dependencies, without recursion."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["components"]


def components(precedents: Sequence[Sequence[int]]) -> list[list[int]]:
    """The strongly connected components of nodes 0, 1, ..., each after all that it depends on.

    Source: R. Tarjan, Depth-first search and linear graph algorithms, 1972.
    """
    count = len(precedents)
    index = [-1] * count
    low = [0] * count
    on_stack = bytearray(count)
    stack: list[int] = []
    result: list[list[int]] = []
    counter = 0
    for root in range(count):
        if index[root] >= 0:
            continue
        work = [(root, 0)]
        while work:
            node, position = work.pop()
            if position == 0:
                index[node] = low[node] = counter
                counter += 1
                stack.append(node)
                on_stack[node] = 1
            else:
                low[node] = min(low[node], low[precedents[node][position - 1]])
            edges = precedents[node]
            while position < len(edges):
                other = edges[position]
                position += 1
                if index[other] < 0:
                    work.append((node, position))
                    work.append((other, 0))
                    break
                if on_stack[other]:
                    low[node] = min(low[node], index[other])
            else:
                if low[node] == index[node]:
                    component = []
                    while True:
                        other = stack.pop()
                        on_stack[other] = 0
                        component.append(other)
                        if other == node:
                            break
                    result.append(component[::-1])
    return result
