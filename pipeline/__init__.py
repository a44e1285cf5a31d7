"""Recipe, plan, workers, bundle and command line."""
