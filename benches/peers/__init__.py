"""vector_ext beside what people would use instead: `make bench-peers`. README.md says how it measures."""
