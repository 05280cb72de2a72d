"""The data: MNIST, Fashion-MNIST, KMNIST, and the IDX file format in which all were published."""

from numcnn.datasets import fashion_mnist, idx, kmnist, mnist

__all__ = ["fashion_mnist", "idx", "kmnist", "mnist"]
