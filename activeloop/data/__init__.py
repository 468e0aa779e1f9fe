"""Where inputs come from: benchmarks by name, a team's images, arrays on disk. `sources.load` is the way in."""
