"""The classic first regressor: one Dense unit learns y = 2x - 1."""
