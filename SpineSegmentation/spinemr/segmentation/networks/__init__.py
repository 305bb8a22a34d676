"""Segmentation networks by name: the compact plain U-Net, the published pairs, light encoders, and the 3D U-Net."""
