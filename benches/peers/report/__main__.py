"""Writes page and pictures of a run anew from its figures: `python -m peers.report FILE.json`."""

import json
import sys
from pathlib import Path

from cattrs.preconf.json import make_converter

from peers.report import write
from peers.work.results import Run


def read(file: Path) -> Run:
    """The figures of a run."""
    run: Run = make_converter().structure(json.loads(file.read_text()), Run)
    return run


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(write(read(Path(name)), Path(name).parent))
