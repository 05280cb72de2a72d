"""The facts of this machine that a timing depends on.

    python benchmarks/machine.py

Prints the processor, its cores, caches and vector instructions, the operating system, the load, and
the versions of Python and of the packages that the benchmarks use. Every benchmark prints the same
lines above its table.
"""

import os
import platform
import time
from importlib import metadata
from pathlib import Path

PACKAGES = ("numcnn", "numpy", "numba", "torch", "tensorflow-cpu", "keras", "onnxruntime")
VECTOR_FLAGS = ("sse4_2", "avx", "f16c", "fma", "avx2", "avx512f", "avx512_vnni", "amx_tile")
ARM_VECTOR_FLAGS = ("asimd", "sve", "sve2")


def cpuinfo(key: str) -> str:
    """Return a field of the first processor in Linux's list, or ''."""
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == key:
                return value.strip()
    return ""


def processor() -> str:
    """Return the processor's name, with family and model where the name alone says little."""
    name = cpuinfo("model name") or platform.processor() or platform.machine()
    family, model = cpuinfo("cpu family"), cpuinfo("model")
    return f"{name} (family {family}, model {model})" if family else name


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def caches() -> str:
    """Return the caches that the first core sees, such as 'L1 data 32K, L2 512K, L3 32768K'."""
    found = []
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = (
            (folder / name).read_text().strip() for name in ("level", "type", "size")
        )
        if kind != "Instruction":
            found.append(f"L{level}{' data' if kind == 'Data' else ''} {size}")
    return ", ".join(found) or "unknown"


def vector_flags() -> str:
    """Return the vector instructions that matter here, as the processor names them."""
    flags = (cpuinfo("flags") or cpuinfo("Features")).split()
    return " ".join(f for f in VECTOR_FLAGS + ARM_VECTOR_FLAGS if f in flags) or "unknown"


def versions() -> str:
    """Return the versions of the packages that are installed."""
    found = [f"Python {platform.python_version()}"]
    for package in PACKAGES:
        try:
            found.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def busy_seconds() -> float | None:
    """Return how long this machine's cores have worked since its start; None where unknown."""
    path = Path("/proc/stat")
    if not path.exists():
        return None
    user, nice, system, _, _, irq, softirq, steal = map(
        int, path.read_text().splitlines()[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


class Disturbance:
    """How much of the cores other programs took while something ran.

    Whatever the machine did beyond this process and the children that it waited for was others'.
    """

    def __init__(self) -> None:
        self.busy, self.own, self.clock = busy_seconds(), own_seconds(), time.monotonic()

    def share(self) -> float:
        """Return the others' share of all cores since this object was made.

        It is 0 where it is unknown, or within half a second, for the system counts in hundredths.
        """
        busy, elapsed = busy_seconds(), time.monotonic() - self.clock
        if busy is None or self.busy is None or elapsed < 0.5:
            return 0.0
        others = busy - self.busy - (own_seconds() - self.own)
        return max(0.0, others / (elapsed * (os.cpu_count() or 1)))


def own_seconds() -> float:
    """Return the time of the cores that this process and its ended children have used."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def facts() -> dict[str, str]:
    """Return all facts by name."""
    load = f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "unknown"
    return {
        "processor": processor(),
        "cores": str(cores()),
        "caches": caches(),
        "vector instructions": vector_flags(),
        "system": f"{platform.system()} {platform.release()}",
        "load of the last minute": load,
        "versions": versions(),
    }


def describe() -> str:
    """Return the facts as lines."""
    return "\n".join(f"{name}: {value}" for name, value in facts().items())


if __name__ == "__main__":
    print(describe())
