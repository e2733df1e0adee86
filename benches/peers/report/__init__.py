"""The figures as JSON, as a page and as pictures."""

import json
from dataclasses import asdict
from pathlib import Path

from peers.lineup import LINEUPS
from peers.report import charts
from peers.report.page import page
from peers.work.results import Run

DRAWN = {
    "search": charts.draw_search,
    "clients": charts.draw_clients,
    "filtered": charts.draw_filtered,
    "grow": charts.draw_grow,
}


def write(run: Run, folder: Path) -> str:
    """Writes all files, and says where."""
    folder.mkdir(parents=True, exist_ok=True)
    major = run.server.removeprefix("PostgreSQL ").split(".")[0]
    name = f"{LINEUPS[run.method].prefix}-{run.sets[0].name}-pg{major}" + ("-quick" if run.quick else "")
    pictures = {
        result.name: {
            work: draw(result, folder / f"{name}-{result.name}-{work}.svg" if place else folder / f"{name}-{work}.svg")
            for work, draw in DRAWN.items()
            if getattr(result, work)
        }
        for place, result in enumerate(run.sets)
    }
    (folder / f"{name}.json").write_text(json.dumps(asdict(run), indent=1) + "\n")
    (folder / f"{name}.md").write_text(page(run, pictures))
    return f"{folder / name}.md"
