"""Writing whole or not at all: what stays behind when anything at all goes wrong."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from numcnn import files
from numcnn.files import atomic_write, check_writable, open_regular

posix = pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")


def write(path, content=b"new"):
    with atomic_write(path) as file:
        file.write(content)


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_a_new_file_and_one_in_place_of_another(tmp_path):
    path = tmp_path / "a.bin"
    write(path, b"old")
    assert path.read_bytes() == b"old"
    write(str(path), b"newer")
    assert path.read_bytes() == b"newer"
    assert names(tmp_path) == ["a.bin"]


def test_nobody_sees_a_part(tmp_path):
    path = tmp_path / "a.bin"
    write(path, b"old")
    with atomic_write(path) as file:
        file.write(b"x" * 100_000)
        file.flush()
        assert path.read_bytes() == b"old"
        temporary = [name for name in names(tmp_path) if name != "a.bin"]
        assert len(temporary) == 1
        assert temporary[0].startswith(".a.bin.")
        assert temporary[0].endswith(".part")
    assert path.read_bytes() == b"x" * 100_000


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError, OSError, MemoryError])
def test_an_error_inside_leaves_the_old_file(tmp_path, error):
    path = tmp_path / "a.bin"
    write(path, b"old")

    def half():
        with atomic_write(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        half()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("call", ["os.fdopen", "os.fsync", "os.chmod", "os.replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_a_failing_call_leaves_the_old_file(tmp_path, monkeypatch, call, code):
    path = tmp_path / "a.bin"
    write(path, b"old")
    real = os.fdopen

    def fails(*args):
        if call == "os.fdopen":
            real(*args).close()
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(files.os, call.removeprefix("os."), fails)
    with pytest.raises(OSError) as caught:
        write(path)
    monkeypatch.undo()
    assert caught.value.errno == code
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


@pytest.mark.skipif(os.name != "posix", reason="folders are synced on POSIX")
def test_the_bytes_reach_the_disk_before_the_name_moves(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    order = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)

        def noted(*args, name=name, real=real):
            order.append((name, path.exists()))
            return real(*args)

        monkeypatch.setattr(files.os, name, noted)
    write(path)
    assert order == [("fsync", False), ("replace", False), ("fsync", True)]


@posix
def test_permissions_of_a_new_file_follow_the_umask(tmp_path):
    for mask, mode in ((0o022, 0o644), (0o077, 0o600), (0o002, 0o664)):
        before = os.umask(mask)
        try:
            write(tmp_path / oct(mask))
            assert os.umask(mask) == mask
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / oct(mask)).stat().st_mode) == mode


@posix
def test_permissions_of_an_old_file_stay(tmp_path):
    path = tmp_path / "secret.bin"
    path.write_bytes(b"old")
    path.chmod(0o600)
    write(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@posix
def test_a_symbolic_link_is_replaced_and_its_target_untouched(tmp_path):
    target, link = tmp_path / "target.bin", tmp_path / "link.bin"
    target.write_bytes(b"target")
    target.chmod(0o600)
    link.symlink_to(target)
    write(link)
    assert not link.is_symlink()
    assert link.read_bytes() == b"new"
    assert target.read_bytes() == b"target"
    dangling = tmp_path / "dangling.bin"
    dangling.symlink_to(tmp_path / "nowhere")
    write(dangling)
    assert dangling.read_bytes() == b"new"
    assert "nowhere" not in names(tmp_path)


@pytest.mark.parametrize("use", [write, check_writable])
def test_what_cannot_be_written_is_said_before(tmp_path, use, monkeypatch):
    with pytest.raises(IsADirectoryError, match="is a folder"):
        use(tmp_path)
    with pytest.raises(FileNotFoundError, match="make it first") as caught:
        use(tmp_path / "no" / "a.bin")
    assert caught.value.filename == str(tmp_path / "no")
    with monkeypatch.context() as patched:
        patched.setattr(files.os, "access", lambda path, mode: False)
        with pytest.raises(PermissionError, match="cannot be written"):
            use(tmp_path / "a.bin")
    assert names(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes as POSIX has them")
@pytest.mark.parametrize("use", [write, check_writable, open_regular])
def test_a_pipe_is_neither_read_nor_replaced(tmp_path, use):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="is a pipe or a device, a file") as caught:
        use(tmp_path / "pipe")
    assert os.fspath(caught.value.filename) == str(tmp_path / "pipe")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert names(tmp_path) == ["pipe"]


def test_a_full_disk_names_the_file(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*a\.bin'") as caught:
        write(tmp_path / "a.bin")
    assert caught.value.errno == errno.ENOSPC
    assert names(tmp_path) == []


def test_opened_to_be_read(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    with open_regular(tmp_path / "a") as file:
        assert file.read() == b"abc"
    with pytest.raises(IsADirectoryError):
        open_regular(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "none")


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_read_only(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError):
            write(tmp_path / "a.bin")
    finally:
        tmp_path.chmod(0o700)


def test_a_name_without_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("a.bin")
    assert Path("a.bin").read_bytes() == b"new"


def test_what_a_killed_process_left_is_removed_by_the_next_write(tmp_path):
    program = (
        "import os, signal, sys\n"
        "from numcnn.files import atomic_write\n"
        "with atomic_write(sys.argv[1]) as file:\n"
        "    file.write(b'half'); file.flush(); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    target = tmp_path / "model[1].npz"
    subprocess.run([sys.executable, "-c", program, str(target)], check=False)
    (left,) = tmp_path.iterdir()
    assert left.name.endswith(".part")
    with files.atomic_write(target) as file:
        file.write(b"whole")
        others = [path.name for path in tmp_path.iterdir()]  # that of this process stays
    assert len(others) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["model[1].npz"]
    assert target.read_bytes() == b"whole"


def test_an_error_without_a_number_keeps_its_words(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError("a writer's own words")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match=r"^a writer's own words$"):
        write(tmp_path / "a.bin")
    assert names(tmp_path) == []
