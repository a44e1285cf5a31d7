"""What `converters.to_onnx` is made of: translation, canonical form, repairs, half precision."""
