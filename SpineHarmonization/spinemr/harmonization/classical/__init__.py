"""Methods that map intensities by a curve: z-score, white stripe, Nyul, histogram match."""
