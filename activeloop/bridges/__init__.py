"""baal's heuristics and modAL's query strategies as acquisition functions, ours in their loops, modAL's committees as learners.

`baal:bald` and `modal:entropy_sampling` are names of strategies like any other; here is what stands behind the colon, and
`heuristic` and `query_strategy` for the way back. The learner `modal:module:function` is in `modal_learner`. Either library
is imported only where its name is used.
"""
