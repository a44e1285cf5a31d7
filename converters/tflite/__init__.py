"""The TFLite flatbuffer: read, named, quantized and checked."""
