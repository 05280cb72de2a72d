"""Saving, whole or not at all, where a call fails. Processes that die: proof/test_crash.py."""

import errno
import io
import os

import pytest
from small_nets import dense

from numcnn import files


class Tripwire:
    """Counts the calls that write and raises in the chosen one."""

    def __init__(self, patch, at, error):
        self.calls, self.at, self.error = [], at, error
        for name in ("fsync", "chmod", "replace"):
            patch.setattr(files.os, name, self.watched(name, getattr(os, name)))
        fdopen, wire = os.fdopen, self

        class File(io.BufferedWriter):
            def write(self, data):
                return wire.watched("write", super().write)(data)

        patch.setattr(files.os, "fdopen", lambda *args: File(fdopen(*args, buffering=0)))

    def watched(self, name, function):
        def call(*args):
            self.calls.append(name)
            if len(self.calls) == self.at:
                raise self.error
            return function(*args)

        return call


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "disk full"), OSError(errno.EIO, "I/O error"), KeyboardInterrupt()],
    ids=["full", "broken", "Ctrl-C"],
)
def test_a_failure_at_any_call_leaves_old_or_new(tmp_path, error):
    path = tmp_path / "m.npz"
    old, new = dense(seed=1), dense(seed=2)
    new.save(path)
    complete = path.read_bytes()
    old.save(path)
    before = path.read_bytes()
    outcomes = []
    for at in range(1, 10_000):
        with pytest.MonkeyPatch.context() as patch:
            wire = Tripwire(patch, at, error)
            try:
                new.save(path)
                break
            except type(error):
                pass
        assert [p.name for p in tmp_path.iterdir()] == ["m.npz"], wire.calls[-1]
        content = path.read_bytes()
        assert content in (before, complete)
        outcomes.append((wire.calls[at - 1], content == complete))
        old.save(path)
    assert path.read_bytes() == complete
    assert {name for name, _ in outcomes} == {"write", "fsync", "chmod", "replace"}
    if os.name == "posix":  # the last call brings the folder to the disk, after the file moved
        assert outcomes[-1] == ("fsync", True)
        assert not any(moved for _, moved in outcomes[:-1])
    assert len(outcomes) > 20
