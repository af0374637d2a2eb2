"""Cliques of arms that all reveal each other."""

from collections.abc import Sequence

from banditsplit._typing import Bool, Float


def clique_cover(graph: Bool, gaps: Sequence[float] | Float) -> list[list[int]]:
    """Return cliques of arms, each arm in one, that make the sum in UCB-N's bound small.

    That is the sum over cliques of ``largest gap / smallest gap**2``. From the smallest gap
    on, every arm goes where it adds the least: to a clique that it is mutually connected
    with, or to a new one. So no cover is dearer than leaving every arm alone. Equal gaps
    make it a small number of cliques. The best cover is as hard to find as a colouring.

    Args:
        graph: Who reveals whom, `[arms, arms]`; the diagonal is not read.
        gaps: Positive, `[arms]`.
    """
    cliques: list[list[int]] = []
    for arm in sorted(range(len(gaps)), key=lambda arm: gaps[arm]):
        cost, best = 1 / gaps[arm], None
        for clique in cliques:
            added = (gaps[arm] - gaps[clique[-1]]) / gaps[clique[0]] ** 2
            if added < cost and all(graph[arm, j] and graph[j, arm] for j in clique):
                cost, best = added, clique
        if best is None:
            cliques.append([arm])
        else:
            best.append(arm)
    return cliques
