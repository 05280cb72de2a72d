"""A program that saves a model again and again, and each time dies or fails a moment later.

    MODEL FOLDER die         die at each moment: before, within and after each call that writes
    MODEL FOLDER ENOSPC      let each such call fail with an error (ENOSPC, EIO, EROFS), in turn
    MODEL FOLDER full STEP   let no file grow beyond STEP, 2 * STEP, ... bytes

Each attempt is a forked child. The parent then looks at what stands there: the old file or the new
one, whole, that loads; nothing beside it after a failure, and nothing after the next save. It
prints the moments and whether the new file stood there, as JSON.
"""

import errno
import io
import json
import os
import sys
from pathlib import Path

from checkpoint_program import fit, new
from small_nets import fingerprint

from numcnn.models import load_model

DIED, FAILED = 9, 3


class Moments:
    """Counts the moments around the calls that write; at the chosen one it dies or raises."""

    def __init__(self, chosen, error=None):
        self.chosen, self.error, self.count = chosen, error, 0

    def reached(self):
        self.count += 1
        return self.count == self.chosen

    def act(self, name):
        os.write(2, f"{name}\n".encode())
        if self.error is None:
            os._exit(DIED)
        raise OSError(self.error, os.strerror(self.error))

    def around(self, name, function):
        def call(*args, **kwargs):
            if self.reached():
                self.act(f"before {name}")
            result = function(*args, **kwargs)
            # A call that has done its work does not fail.
            if self.error is None and self.reached():
                self.act(f"after {name}")
            return result

        return call

    def install(self):
        """Watch all that numcnn.files calls: the functions of os, and what the opened file does."""
        real_write, real_fdopen = io.FileIO.write, os.fdopen
        moments = self

        class Raw(io.FileIO):
            def write(self, data):
                if moments.reached():
                    real_write(self, memoryview(data)[: len(data) // 2])
                    moments.act("within write")
                return moments.around("write", lambda d: real_write(self, d))(data)

        class File(io.BufferedWriter):
            def flush(self):
                return moments.around("flush", super().flush)()

        def fdopen(descriptor, mode):
            real_fdopen(os.dup(descriptor), mode).close()  # it would raise what fdopen raises
            return File(Raw(descriptor, mode), os.fstat(descriptor).st_blksize)

        os.fdopen = self.around("fdopen", fdopen)
        for name in ("open", "fsync", "chmod", "replace", "close"):
            setattr(os, name, self.around(name, getattr(os, name)))


def attempt(model, path, prepare):
    """Save in a child after `prepare`; return (its exit code, what it said)."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        os.dup2(write, 2)
        try:
            prepare()
            model.save(path)
        except OSError:
            os._exit(FAILED)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as said:
        text = said.read().strip()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text


def main(kind, folder, what, step=None):
    path = Path(folder) / "m.npz"
    old, new_one = new(kind), new(kind)
    fit(new_one, kind, [], epochs=1)
    known = {}
    for model in (new_one, old):
        model.save(path)
        known[path.read_bytes()] = fingerprint(model)
    before, size = path.read_bytes(), path.stat().st_size

    def prepare(i):
        if what == "full":
            import resource

            limit = (i - 1) * int(step)
            return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        error = None if what == "die" else getattr(errno, what)
        return Moments(i, error).install

    found = []
    for i in range(1, 100_000):
        code, said = attempt(new_one, path, prepare(i))
        content = path.read_bytes()
        assert content in known, f"{i} ({said}): neither the old file nor the new one"
        assert code in (0, FAILED if what != "die" else DIED), (code, said)
        beside = [p.name for p in Path(folder).iterdir() if p != path]
        assert len(beside) <= (what == "die"), f"{i} ({said}): {beside}"
        if what != "full" or i % 50 == 1:
            assert fingerprint(load_model(path)) == known[content], said
        if code == 0:
            assert content != before
            break
        found.append([said, content != before])
        old.save(path)
        assert [p.name for p in Path(folder).iterdir()] == ["m.npz"], said
        assert path.read_bytes() == before
    print(json.dumps({"bytes": size, "moments": found}))


if __name__ == "__main__":
    main(*sys.argv[1:])
