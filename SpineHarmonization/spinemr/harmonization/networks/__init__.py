"""Generators, discriminators and the style-blind auto-encoder, in PyTorch, built when they are needed."""
