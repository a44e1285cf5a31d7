"""What a model is, what an export is, and one converter for each format."""
