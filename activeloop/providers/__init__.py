"""Evidence that must be computed or trained. Providers train through `train` alone."""
