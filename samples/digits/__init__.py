"""A small convolutional network on scikit-learn's 1,797 handwritten digits."""
