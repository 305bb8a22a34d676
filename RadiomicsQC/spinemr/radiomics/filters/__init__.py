"""Images derived from an image before features are taken: Laplacian of Gaussian, wavelets, gradient, pointwise functions."""
