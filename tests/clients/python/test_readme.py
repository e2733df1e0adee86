"""The Python of README, run as a reader would, and compared with the answer that README shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[3] / "README.md"


def test_the_quick_start(empty_database: str) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```\n+```text\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)
    assert blocks
    for program, answer in blocks:
        environment = {**os.environ, "PGDATABASE": empty_database}
        run = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stderr
        assert run.stdout == answer
