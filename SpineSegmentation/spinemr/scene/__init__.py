"""MRML nodes of 3D Slicer from images, label maps, tables and points, and back; no Qt, no singletons: the scene is an argument.

Modules load VTK and Slicer's classes only when a function needs them, so that comparing label maps works without.
"""
