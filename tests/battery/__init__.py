"""The battery: every kind of model, format and runtime; either all pass, or the layer is named."""
