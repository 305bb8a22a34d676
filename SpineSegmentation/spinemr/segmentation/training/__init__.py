"""How segmentation networks are trained: configuration, data from several sources, losses, and the loop."""
