"""Features through which gradients flow, in PyTorch."""
