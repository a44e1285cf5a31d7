"""Small real models on real data, each with its recipe."""
