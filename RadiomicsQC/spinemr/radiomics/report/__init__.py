"""Results as pages, plots and tables that people read."""
