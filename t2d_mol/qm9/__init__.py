"""QM9: download, archive to arrays, splits, size-bucketed batches."""
