"""Inputs made from sound ones by one change each, and the commands they are given to; a number tells a mutant."""
