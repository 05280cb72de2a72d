"""What a sweep returns: a list of rows that prints as a table."""

from typing import Any


class Table(list[dict[str, Any]]):
    """The rows of a sweep, in the order of its grid.

    Each row is a dictionary: 'configuration'; 'history', name -> value of each epoch; 'metrics',
    name -> value; 'seconds'; 'worker', the address of the one that trained it; 'attempts', how
    often it was begun; 'error', a text or None. Where there is an error, history and metrics are
    empty, and seconds is None. `print(table)` shows it.

    Example:
        >>> row = {"configuration": {"rate": 0.1}, "history": {}, "metrics": {"loss": 0.25},
        ...        "seconds": 1.5, "worker": "tcp://10.0.0.1:4", "attempts": 1, "error": None}
        >>> print(Table([row]))
        rate    loss  seconds  attempts            worker
         0.1  0.2500      1.5         1  tcp://10.0.0.1:4
    """

    def __str__(self) -> str:
        names = list(dict.fromkeys(name for row in self for name in row["configuration"]))
        metrics = list(dict.fromkeys(name for row in self for name in row["metrics"]))
        head = [*names, *metrics, "seconds", "attempts", "worker"]
        lines = [head, *(self._cells(row, names, metrics) for row in self)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
        errors = ["", *(row["error"] or "" for row in self)]
        return "\n".join(
            "  ".join(c.rjust(w) for c, w in zip(line, widths, strict=True))
            + (f"  {' '.join(error.split())}" if error else "")
            for line, error in zip(lines, errors, strict=True)
        )

    @staticmethod
    def _cells(row: dict[str, Any], names: list[str], metrics: list[str]) -> list[str]:
        values = (row["configuration"].get(name, "") for name in names)
        numbers = (row["metrics"].get(name) for name in metrics)
        return [
            *(f"{v:g}" if isinstance(v, float) else str(v) for v in values),
            *("-" if v is None else f"{v:.4f}" for v in numbers),
            "-" if row["seconds"] is None else f"{row['seconds']:.1f}",
            str(row["attempts"]),
            row["worker"] or "-",
        ]
