"""Many runs: a grid of configurations, who runs them, and how long that will take."""
