"""Statistics of features over images, scanners and methods."""
