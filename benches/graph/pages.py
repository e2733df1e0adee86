#!/usr/bin/env python3
"""Pages that a search reads, at a recall: links with codes beside links without, by number of links.

    pages.py [--data FOLDER] -- PROGRAM [ARGUMENTS]

A graph whose links carry codes reads one node a step. A graph whose links are numbers only has to read every
neighbour that it has not seen yet: as many as it computes distances, which FAISS counts. Counts, not times: the
machine may be busy. Prints a Markdown table.
"""

import argparse
import math
import os
from pathlib import Path

import faiss
import numpy as np
from engines import Faiss, Ours, Work
from run import read_work

DEGREES = (8, 16, 24, 32)
WIDTHS = (10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 448, 640, 896)
TARGETS = (0.9, 0.95, 0.99)
BUILD_WIDTH = 64

Curve = list[tuple[float, float]]


def at_recall(curve: Curve, target: float) -> str:
    """Pages where a curve of (recall, pages) reaches a recall, on a straight line in log(pages).

    >>> at_recall([(0.9, 10.0), (1.0, 1000.0)], 0.95)
    '100'
    """
    for (low, few), (high, many) in zip(curve, curve[1:], strict=False):
        if low < target <= high:
            share = (target - low) / (high - low)
            return f"{math.exp(math.log(few) + share * (math.log(many) - math.log(few))):.0f}"
    return f"≤ {curve[0][1]:.0f}" if curve[0][0] >= target else "-"


def coded(work: Work, command: list[str], degree: int) -> Curve:
    """Recall and pages of our graph."""
    engine = Ours([*command, "--m", str(degree)], dict(os.environ))
    engine.build(work, None)
    try:
        points = [engine.measure(work, {"ef": width}, 0) for width in WIDTHS]
    finally:
        engine.close()
    return [(point.recall, point.extra["pages"]) for point in points]


def plain(work: Work, degree: int) -> Curve:
    """Recall and distances of a graph without codes."""
    index = faiss.IndexHNSWFlat(work.base.shape[1], degree, Faiss.metric(work))
    index.hnsw.efConstruction = BUILD_WIDTH
    index.add(work.base)
    curve = []
    for width in WIDTHS:
        index.hnsw.efSearch = width
        faiss.cvar.hnsw_stats.reset()
        found = index.search(work.queries, work.truth.shape[1])[1]
        curve.append((work.recall(np.asarray(found)), faiss.cvar.hnsw_stats.ndis / len(work.queries)))
    return curve


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("VECTOR_EXT_DATA") or None)
    parser.add_argument("--metric", choices=["l2", "ip"], default="l2")
    parser.add_argument("command", nargs="+", help="our program, after --")
    arguments = parser.parse_args()
    if arguments.data:
        os.environ["VECTOR_EXT_DATA"] = str(arguments.data.resolve())
    work = read_work(arguments.data, arguments.metric)
    rows, dims = work.base.shape
    print(f"{rows:,} x {dims}: pages a query at recall@10 of")
    print()
    heads = [f"codes {target}" for target in TARGETS] + [f"plain {target}" for target in TARGETS]
    print("| m | " + " | ".join(heads) + " |")
    print("|---|" + "---|" * len(heads))
    for degree in DEGREES:
        curves = [coded(work, arguments.command, degree), plain(work, degree)]
        cells = [at_recall(curve, target) for curve in curves for target in TARGETS]
        print(f"| {degree} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
