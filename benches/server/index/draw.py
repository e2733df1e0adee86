#!/usr/bin/env python3
"""The curves of a run as the graph's benchmark draws them: draw.py FIGURES.json PICTURE.svg"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "graph"))
from report import draw  # noqa: E402

PEER = "pgvector"


def main() -> None:
    """Draws what the first argument holds into the second."""
    figures, picture = sys.argv[1:]
    run = json.loads(Path(figures).read_text())
    draw(run["engines"], run, Path(picture), peers=(PEER,), rate="queries a second, one client")


if __name__ == "__main__":
    main()
