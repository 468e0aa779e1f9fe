"""baal's heuristics and modAL's query strategies as acquisition functions, and ours in their loops.

`baal:bald` and `modal:entropy_sampling` are names of strategies like any other; here is what stands behind the colon, and
`heuristic` and `query_strategy` for the way back. Either library is imported only where its name is used.
"""
