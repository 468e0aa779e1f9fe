"""Distances, neighbours and clusters of rows: arithmetic that selectors and providers share."""
