"""Pure functions on arrays: how good scores are."""
