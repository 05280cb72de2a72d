"""Samples that come as a Sequence or from a generator, for the tests of feeding."""

from small_nets import images

from numcnn.utils import Sequence

X, Y, LABELS = images(14)
DRY = r"The data ran out in epoch (\d+) of (\d+), after (\d+)( of \d+)? batches"


class Parts(Sequence):
    """Batches of 4 of the samples, and a list of what was asked of it."""

    def __init__(self, x=X, y=Y, size=4, weights=None, **kwargs):
        super().__init__(**kwargs)
        self.data = [x, y] if weights is None else [x, y, weights]
        self.size, self.asked = size, []

    def __len__(self):
        return -(-len(self.data[0]) // self.size)

    def __getitem__(self, index):
        self.asked.append(index)
        return tuple(a[index * self.size : (index + 1) * self.size] for a in self.data)

    def on_epoch_begin(self):
        self.asked.append("begin")

    def on_epoch_end(self):
        self.asked.append("end")


def forever(x=X, y=Y, size=4):
    while True:
        for a in range(0, len(x), size):
            yield x[a : a + size], y[a : a + size]


def plain(model, **kwargs):
    return model.fit(X, Y, batch_size=4, shuffle=False, verbose=0, **kwargs)
