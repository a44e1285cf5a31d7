"""Small real models with real data, each with its recipe: the examples of the README and the tests."""
