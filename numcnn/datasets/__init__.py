"""The data: MNIST, Fashion-MNIST and KMNIST with the IDX file format, CIFAR-10 and CIFAR-100."""

from numcnn.datasets import cifar10, cifar100, fashion_mnist, idx, kmnist, mnist

__all__ = ["cifar10", "cifar100", "fashion_mnist", "idx", "kmnist", "mnist"]
