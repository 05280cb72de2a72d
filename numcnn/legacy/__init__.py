"""What Keras had and has no more, under the names that old scripts use."""
