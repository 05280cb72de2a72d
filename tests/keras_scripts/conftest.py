"""These are programs for Keras; tests/test_keras_script.py converts and runs them."""

collect_ignore_glob = ["*.py"]
