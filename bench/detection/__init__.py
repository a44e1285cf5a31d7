"""How many faults the verdict finds, where it says they are, and whether it cries wolf."""
