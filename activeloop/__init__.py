"""activeloop: pool-based active learning, with every round in a journal."""
