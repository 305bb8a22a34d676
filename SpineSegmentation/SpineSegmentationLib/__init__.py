"""What the three SpineMR modules share in Slicer: child processes, dependencies, the nodes of a case, panels."""
