"""Two inputs, two outputs: half a digit as a picture, the other half as a row of numbers."""
