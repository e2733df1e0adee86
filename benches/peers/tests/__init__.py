"""Tests of the benchmark itself: where it could be wrong."""
