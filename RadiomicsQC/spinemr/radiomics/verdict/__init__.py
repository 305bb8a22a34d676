"""Whether to trust a case, rule by rule, with the figure, the limit and the slice to look at."""
