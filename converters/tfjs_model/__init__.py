"""What `converters.to_tfjs` is made of: tensorflowjs' own steps, and the files that they write."""
