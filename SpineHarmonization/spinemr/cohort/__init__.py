"""A whole cohort: its studies found, each run through the pipeline on Dask, and what all of them say together."""
