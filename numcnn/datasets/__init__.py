"""The data: MNIST, Fashion-MNIST, and the IDX file format in which both were published."""

from numcnn.datasets import fashion_mnist, idx, mnist

__all__ = ["fashion_mnist", "idx", "mnist"]
