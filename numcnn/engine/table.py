"""The table of steps that `model.plan()` prints."""

from numcnn.engine.buffers import Buffers
from numcnn.engine.steps import Step


def table(steps: list[Step], buffers: Buffers) -> str:
    """Return the steps, their kernels and the bytes of each, as lines."""
    rows = [("step", "layers", "kernel", "why", "bytes")]
    for i, step in enumerate(steps):
        names = [layer.name for layer in step.layers]
        own = [a.nbytes for key, a in buffers.arrays.items() if key.startswith(f"{step.name}:")]
        own += [a.nbytes for key, a in buffers.arrays.items() if key in (f"y{i}", f"dy{i}")]
        rows.append((str(i), " + ".join(names), step.kernel, step.why, f"{sum(own):,}"))
    rows.append(("", "all", "", "", f"{buffers.n_bytes:,}"))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = [
        "  ".join(
            text.rjust(width) if i == 4 else text.ljust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join(lines)
