"""Many runs: selection, waves, failure limits, dispatch."""
