"""Trained networks on whole studies: choose a runtime, look at each slice, put the classes back on the study's grid."""
