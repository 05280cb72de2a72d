"""Beyond one machine: a model's predictions, and many trainings, on the workers of a Dask cluster.

What distributes, repeats and reports is Dask Distributed (the extra `dask`); here is what it needs
to know of models. `predict` is in blocks.py, `sweep` in trainings.py, what both of them do on a
worker in worker.py. Importing this loads no Dask.
"""

from numcnn.dask.blocks import predict
from numcnn.dask.table import Table
from numcnn.dask.trainings import sweep

__all__ = ["Table", "predict", "sweep"]
