"""Many runs: which, and by whom they are worked through."""
