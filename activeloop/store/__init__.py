"""Where a run lives on disk: the journal, its lock, and small tables beside them."""
