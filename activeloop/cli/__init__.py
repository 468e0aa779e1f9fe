"""The command line: `main` and one file per command. The only place that imports `oracles`."""
