"""Pools that lie in parts: embedded, scored and picked from a range of rows at a time, here or on many machines.

A shard is a range of rows, and what is computed of it a file of its own. Which process computes it, and when, is of no
effect; a Ray cluster is one way to have it done.
"""
