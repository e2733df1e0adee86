"""Our codes and FAISS' product quantization at the same bytes a row, in the same lists.

run.py --data FOLDER [--bytes 64 32 16] -- PROGRAM [ARGUMENTS]

FOLDER has base.f16.npy, queries.f16.npy and truth.i32.npy, vectors of length 1. PROGRAM is ours. Prints a table.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import faiss as bindings
import numpy as np
from numpy.typing import NDArray

# Its stubs lack much of what it has.
faiss: Any = bindings

K = 10
REFINED = (40, 100)
# Rows that lists, and product quantizers, are trained on for each centre.
TRAINED_PER_LIST = 64
# Rows that a product quantizer is trained on for each of its centres. FAISS would take 256: four times as long.
TRAINED_PER_CENTRE = 64
# Rounds and rows for the rotation of OPQ, a fifth of what FAISS takes.
OPQ_ROUNDS = 10
OPQ_ROWS = 16_384

Floats = NDArray[np.float32]


class Set(NamedTuple):
    """Rows, questions, the right answers, and the centres of the lists."""

    base: Floats
    queries: Floats
    truth: NDArray[np.int32]
    centres: Floats


class Measured(NamedTuple):
    """What a code came to."""

    code: str
    bytes: int
    train: float | None
    recalls: list[float]


def parse_arguments() -> tuple[argparse.Namespace, list[str]]:
    """The options, and our program with its arguments: what comes after the first `--`."""
    given = sys.argv[1:]
    cut = given.index("--") if "--" in given else len(given)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--lists", type=int, default=632)
    parser.add_argument("--probes", type=int, default=48)
    parser.add_argument("--bytes", type=int, nargs="*", default=[64, 32, 16])
    parser.add_argument("--no-opq", action="store_true", help="leave out what trains longest")
    return parser.parse_args(given[:cut]), given[cut + 1 :]


def recalls(found: NDArray[np.int64], data: Set) -> list[float]:
    """Of the first ten, and of the nearest ten of the first 40 and 100."""

    def hits(ids: NDArray[np.int64]) -> float:
        right = [len(set(row) & set(truth)) for row, truth in zip(ids[:, :K], data.truth[:, :K], strict=True)]
        return float(sum(right)) / (K * len(right))

    result = [hits(found)]
    for count in REFINED:
        order = np.empty((len(found), K), np.int64)
        for place, (ids, query) in enumerate(zip(found[:, :count], data.queries, strict=True)):
            kept = ids[ids >= 0]
            distances = ((data.base[kept] - query) ** 2).sum(axis=1)
            best = kept[np.argsort(distances, kind="stable")[:K]]
            order[place] = np.pad(best, (0, K - len(best)), constant_values=-1)
        result.append(hits(order))
    return result


def peers(byte_counts: list[int], with_opq: bool, dims: int) -> list[tuple[str, int]]:
    """Factories of FAISS with their bytes a row."""
    found = []
    for count in byte_counts:
        if dims % count == 0:
            found.append((f"PQ{count}x8", count))
            if with_opq:
                found.append((f"OPQ{count},PQ{count}x8", count))
        if dims % (2 * count) == 0:
            found.append((f"PQ{2 * count}x4fs", count))
    return found


def measure_peer(factory: str, size: int, data: Set, probes: int) -> Measured:
    """Trains, fills and asks one of FAISS' indexes, around the given centres."""
    dims = data.base.shape[1]
    codes = factory.split(",")[-1]
    start = time.perf_counter()
    base, queries, centres, opq = data.base, data.queries, data.centres, None
    if "," in factory:
        opq = faiss.OPQMatrix(dims, size)
        opq.niter, opq.niter_pq_0, opq.max_train_points = OPQ_ROUNDS, OPQ_ROUNDS, OPQ_ROWS
        # What is encoded are rows around their centres.
        _, lists = faiss.knn(base[:OPQ_ROWS], centres, 1)
        opq.train(base[:OPQ_ROWS] - centres[lists[:, 0]])
        base, queries, centres = (opq.apply(part) for part in (base, queries, centres))
    index = faiss.index_factory(dims, f"IVF{len(centres)},{codes}")
    index.pq.cp.max_points_per_centroid = TRAINED_PER_CENTRE
    index.quantizer.add(np.ascontiguousarray(centres))
    index.train(base)
    train = time.perf_counter() - start
    index.add(base)
    index.nprobe = probes
    _, ids = index.search(queries, max(REFINED))
    return Measured(f"FAISS {factory}", size, train, recalls(ids, data))


def write_lists(data: Set, folder: Path) -> Set:
    """Writes what our program reads, and gives the centres as it reads them."""
    centres = data.centres.astype(np.float16)
    np.save(folder / "centres.f16.npy", centres)
    rounded = data._replace(centres=np.ascontiguousarray(centres, np.float32))
    _, lists = faiss.knn(data.base, rounded.centres, 1)
    np.save(folder / "lists.i32.npy", lists.astype(np.int32))
    around = data.base - rounded.centres[lists[:, 0]]
    _, directions = np.linalg.eigh(around.T @ around)
    np.save(folder / "directions.f16.npy", np.ascontiguousarray(directions.T[::-1], np.float16))
    return rounded


def main() -> None:
    """Runs everybody and prints a table."""
    arguments, program = parse_arguments()
    base, queries = (
        np.ascontiguousarray(np.load(arguments.data / f"{name}.f16.npy"), np.float32) for name in ("base", "queries")
    )
    truth = np.load(arguments.data / "truth.i32.npy")
    kmeans = faiss.Kmeans(base.shape[1], arguments.lists, niter=10, seed=1, max_points_per_centroid=TRAINED_PER_LIST)
    kmeans.train(base)
    data = Set(base, queries, truth, kmeans.centroids)
    measured = []
    with tempfile.TemporaryDirectory() as name:
        data = write_lists(data, Path(name))
        command = [*program, "--data", str(arguments.data), "--lists", name, "--probes", str(arguments.probes)]
        command += ["--bytes", *map(str, arguments.bytes)]
        if program:
            out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            for line in out.splitlines():
                row = json.loads(line)
                found = [row["alone"], row["refined40"], row["refined100"]]
                measured.append(Measured(row["code"], row["bytes"], None, found))
    for factory, size in peers(arguments.bytes, not arguments.no_opq, base.shape[1]):
        measured.append(measure_peer(factory, size, data, arguments.probes))
        print(measured[-1], file=sys.stderr, flush=True)
    print(f"{len(base)} x {base.shape[1]}, {arguments.lists} lists, {arguments.probes} probes\n")
    print("| code | bytes a row | trained, s | recall@10 | 40 refined | 100 refined |\n|---|---|---|---|---|---|")
    for row in sorted(measured, key=lambda row: (-row.bytes, -row.recalls[0])):
        train = "" if row.train is None else f"{row.train:.0f}"
        print(f"| {row.code} | {row.bytes} | {train} | " + " | ".join(f"{x:.3f}" for x in row.recalls) + " |")


if __name__ == "__main__":
    main()
