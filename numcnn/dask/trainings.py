"""A sweep: many trainings, each a task of Dask.

Three things can go wrong on a worker, and each has its own end. A training raises: that is its
result, unless `retries` are asked for. A worker dies: Dask begins its tasks anew elsewhere, and the
seeds make them end with the same bits. Workers go on dying while one configuration is with them:
Dask gives it up after `distributed.scheduler.allowed-failures` deaths (3). As it blames all that
was with those workers, what it gives up is tried once more at the end, with nothing beside it.
"""

import inspect
import itertools
import uuid
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from numcnn import data as checks
from numcnn import extras
from numcnn.dask.table import Table
from numcnn.dask.worker import OncePerProcess, parts, same, train
from numcnn.engine.crew import get_num_threads, set_num_threads
from numcnn.errors import DTypeError, reject_unknown_keywords
from numcnn.models import Sequential
from numcnn.progress import check_verbose, numbers
from numcnn.seeds import check_seed

NOT_OF_FIT = ("self", "x", "y", "sample_weight", "verbose", "resume")


def sweep(
    build: Callable[..., Sequential],
    grid: Any,
    data: Any,
    client: Any,
    *,
    seed: int = 0,
    threads: int = 1,
    retries: int = 0,
    verbose: int | str = 1,
    **fit: Any,
) -> Table:
    """Train a model for each configuration on a Dask cluster and return the results as a table.

    Args:
        build: called on a worker as build(**configuration), returns a compiled model. Dask brings
            it there; what it imports must be installed there.
        grid: {name: list of values} for all combinations, the last name the quickest to change; or
            a list of configurations, each {name: value}. A 'seed' in it seeds that training; build
            is given it only if it has such an argument.
        data: (x, y), (x, y, sample_weight), or ((x, y), (x_test, y_test)) as `load_data` of a data
            set returns it; the second is measured after the training. It is sent once to the
            scheduler, which keeps it in memory, and then from worker to worker. Or a function that
            returns one of these, called once in each worker's process: for files that workers see.
        client: a distributed.Client.
        seed: seeds `numcnn.utils.set_random_seed` for each training that has none of its own.
        threads: numcnn's threads in a worker's process. Dask counts on one core per task, so take
            more only where workers have more cores than threads of Dask.
        retries: how often a training that raised is tried anew.
        verbose: 0 silent, 1 or 'auto' a line for each configuration that ends, 2 also one for
            each epoch.
        **fit: arguments of `Sequential.fit`: epochs, batch_size, callbacks, validation_data, ...
            Each training has callbacks of its own, copies of these.

    Returns:
        A `Table`, a row for each configuration in the order of the grid; its docstring says what a
        row holds. 'metrics' are those of the test data, or where there are none of the last epoch.

    Raises:
        ImportError: Dask is missing (the extra `dask`). TypeError, ValueError: an argument does not
        fit; nothing has been sent. KeyboardInterrupt: as it came; what waits is cancelled, what
        trains stops after its batch.

    Note:
        Where workers have one thread each, results have the same bits wherever and however often a
        training is begun. Several threads share NumPy's global random state, from which numcnn
        itself draws nothing after `build`, but code of your own may.

    Example:
        >>> from distributed import Client  # doctest: +SKIP
        >>> grid = {"learning_rate": [0.001, 0.01], "seed": [0, 1, 2]}
        >>> print(sweep(build, grid, data, Client(), epochs=5))  # doctest: +SKIP
    """
    distributed = extras.load("distributed", "dask", "numcnn.dask.sweep")
    if not isinstance(client, distributed.Client) or client.asynchronous:
        raise DTypeError(f"client must be a distributed.Client (not asynchronous), got {client!r}.")
    if not callable(build) or isinstance(build, Sequential):
        raise DTypeError(f"build must be a function that returns a model, got {build!r}.")
    configurations = _configurations(grid)
    for configuration in configurations:
        check_seed(configuration.get("seed"))
    seed = checks.integer("seed", seed, 0)
    threads = checks.integer("threads", threads, 1)
    retries = checks.integer("retries", retries, 0)
    known = [
        name for name in inspect.signature(Sequential.fit).parameters if name not in NOT_OF_FIT
    ]
    reject_unknown_keywords("sweep", [name for name in fit if name not in known], known)
    if callable(data):
        data = OncePerProcess(data)
    else:
        parts(data)
    mine = _Sweep(distributed, client, configurations, check_verbose(verbose))
    return mine.run(build, (data, fit.pop("validation_data", None)), fit, seed, threads, retries)


class _Sweep:
    """One sweep: its tasks, and what is known of each."""

    def __init__(
        self, distributed: Any, client: Any, configurations: list[dict[str, Any]], verbose: int
    ) -> None:
        self.distributed, self.client, self.verbose = distributed, client, verbose
        self.topic = f"numcnn-sweep-{uuid.uuid4().hex}"
        self.rows = Table(
            {
                "configuration": configuration,
                "history": {},
                "metrics": {},
                "seconds": None,
                "worker": None,
                "attempts": 0,
                "error": None,
            }
            for configuration in configurations
        )
        self.ended = 0

    def run(
        self, build: Any, shared: Any, fit: dict[str, Any], seed: int, threads: int, retries: int
    ) -> Table:
        """Train all and return the table."""
        futures: dict[Any, int] = {}
        of_ours = get_num_threads()  # a cluster may have its workers in this very process
        self.client.subscribe_topic(self.topic, self.told)
        try:
            # Not scatter: what it brings is lost with the workers that have it, a task is not.
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Sending large graph")
                there = self.client.submit(same, shared, key=f"{self.topic}-data", pure=False)
            # Dask prefers workers that have the data; let that be all of them.
            self.client.replicate([there])

            def begin(row: int, name: str) -> Any:
                future = self.client.submit(
                    train, build, row, self.rows[row]["configuration"], there, fit, seed, threads,
                    self.topic, key=f"{self.topic}-{name}-{row}", pure=False, retries=retries,
                )  # fmt: skip
                futures[future] = row
                return future

            first = [begin(row, "train") for row in range(len(self.rows))]
            suspects = []
            for future in self.distributed.as_completed(first):
                if self.killed(future):
                    suspects.append(futures[future])
                else:
                    self.note(futures[future], future)
            for row in sorted(suspects):
                future = begin(row, "alone")
                self.distributed.wait(future)
                self.note(row, future)
        except BaseException:
            self.client.cancel(list(futures))
            raise
        finally:
            self.client.unsubscribe_topic(self.topic)
            set_num_threads(of_ours)
        return self.rows

    def killed(self, future: Any) -> bool:
        """Return whether Dask has given a task up because workers died of it, or beside it."""
        return future.status == "error" and isinstance(
            future.exception(), self.distributed.scheduler.KilledWorker
        )

    def note(self, row: int, future: Any) -> None:
        """Write down how a configuration ended."""
        entry = self.rows[row]
        if self.killed(future):
            deaths = future.exception().allowed_failures + 1
            entry["error"] = f"KilledWorker: {deaths} workers died while they trained it alone."
        elif future.status == "error":
            error = future.exception()
            entry["error"] = f"{type(error).__name__}: {error}"
        else:
            entry.update(future.result())  # raises where the cluster is gone
        self.ended += 1
        if self.verbose:
            end = entry["error"] or f"{entry['seconds']:.1f} s{numbers(entry['metrics'])}"
            print(f"{self.ended}/{len(self.rows)} {self.named(row)}: {end}", flush=True)

    def told(self, event: tuple[float, dict[str, Any]]) -> None:
        """Take what a worker says: that it begins, or an epoch's numbers."""
        _, message = event
        row = message["row"]
        if "epoch" not in message:
            self.rows[row]["attempts"] += 1
            self.rows[row]["worker"] = message["worker"]
        elif self.verbose == 2:
            text = f"Epoch {message['epoch'] + 1}{numbers(message['logs'])}"
            print(f"{self.named(row)}: {text}", flush=True)

    def named(self, row: int) -> str:
        """Return a configuration as a text."""
        return " ".join(f"{k}={v}" for k, v in self.rows[row]["configuration"].items())


def _configurations(grid: Any) -> list[dict[str, Any]]:
    """Return the configurations that a grid stands for.

    >>> _configurations({"rate": [0.1, 0.2], "seed": [1, 2]})[:2]
    [{'rate': 0.1, 'seed': 1}, {'rate': 0.1, 'seed': 2}]
    """
    if isinstance(grid, Mapping):
        for name, values in grid.items():
            if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
                raise DTypeError(f"grid[{name!r}] must be a list of values, got {values!r}.")
        columns = [list(values) for values in grid.values()]
        found = [dict(zip(grid, values, strict=True)) for values in itertools.product(*columns)]
    elif isinstance(grid, (list, tuple)) and all(isinstance(c, Mapping) for c in grid):
        found = [dict(configuration) for configuration in grid]
    else:
        raise DTypeError(
            "grid must be {name: list of values} or a list of {name: value}, got "
            f"{type(grid).__name__}."
        )
    if not found or not grid:
        raise ValueError("grid holds no configuration.")
    return found
