"""The peers that run in process, a file for each library."""
