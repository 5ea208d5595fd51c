"""The proxy tasks, one file each."""
