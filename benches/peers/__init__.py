"""vector_ext beside what people would use instead: `make bench-peers`. README.md says how it measures."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
