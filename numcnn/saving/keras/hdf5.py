"""HDF5 as far as Keras's files use it, read from bytes that may come from anyone.

A file is a tree of objects, each with a header: a row of messages. A group's header points to a
B-tree of its members' names and places; an array's says its type, its shape and where its bytes
stand in one piece; attributes are texts in the header itself or in a heap that it points to. That
is all that Keras writes, and all that is read: no links to other files, no arrays in pieces, no
compression, no objects but numbers and texts.

Two ways were open. h5py reads all of HDF5, and the library under it believes what a file says: one
changed byte in the length of a text makes it take four gigabytes before it looks whether the file
is that long, and a list of such texts keeps it busy for minutes. These lines believe nothing: each
piece must lie within the file, each object is read once, and all that is given back together is no
longer than the file. So files are read here, and written with h5py, which is the extra `keras`.

Reference:
    The HDF Group, "HDF5 File Format Specification Version 3.0", sections II to IV.
"""

import math
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from numcnn.errors import ModelFileError

Array = np.ndarray[Any, Any]
Pieces = list[tuple[int, bytes]]

SIGNATURE = b"\x89HDF\r\n\x1a\n"
NOWHERE = 2**64 - 1
MAX_NAME = 4096
# What the messages of a header are about.
SPACE, TYPE, EXTERNAL, LAYOUT, FILTERS, ATTRIBUTE, GOES_ON, GROUP = 1, 3, 7, 8, 11, 12, 16, 17
LINK, LINKS = 6, 2  # of groups in a later form
DENSE_ATTRIBUTES = 21
# IEEE numbers: bits, then place and size of exponent and mantissa, then bias, by size in bytes.
IEEE = {
    2: (0, 16, 10, 5, 0, 10, 15),
    4: (0, 32, 23, 8, 0, 23, 127),
    8: (0, 64, 52, 11, 0, 52, 1023),
}


class Group:
    """Members by name, and attributes."""

    def __init__(self, members: dict[str, int | None], attributes: dict[str, bytes]) -> None:
        self.members = members  # where each begins, None for a link to elsewhere
        self.attributes = attributes

    def __contains__(self, name: str) -> bool:
        return name in self.members

    def __iter__(self) -> Iterator[str]:
        return iter(self.members)

    def __len__(self) -> int:
        return len(self.members)


class Reader:
    """A file.

    Args:
        raw: its bytes.

    Attributes:
        root: the group that all others are in.

    Raises:
        ModelFileError: it is damaged, or of a form that Keras does not write.
    """

    def __init__(self, raw: bytes) -> None:
        self._raw, self._view = raw, memoryview(raw)
        self._left = len(raw)  # bytes that may still be given back
        self._steps = len(raw) // 8 + 100  # entries that may still be looked at
        self._groups: dict[int, Group] = {}
        self._heaps: dict[int, dict[int, tuple[int, int]]] = {}
        head = bytes(self._bytes(0, 96))
        if head[:8] != SIGNATURE or head[8] not in (0, 1) or head[13:15] != b"\x08\x08":
            raise ModelFileError("it is an HDF5 file of another form than Keras writes")
        at = 24 if head[8] == 0 else 28
        base, _, end, _, _, root = struct.unpack_from("<6Q", head, at)
        if base != 0 or end > len(raw):
            raise ModelFileError(f"it has {len(raw):,} bytes where it should have {end:,}")
        self.root = self._group(root)

    # ---- what a file holds ----------------------------------------------------------------

    def group(self, parent: Group, path: str) -> Group:
        """Return a group under another."""
        return self._group(self._place(parent, path))

    def array(self, parent: Group, path: str) -> Array:
        """Return an array of floats, or a single number.

        Raises:
            ModelFileError: it is not there, or something else, or its bytes are not.
        """
        found = self._messages(self._place(parent, path))
        kinds = [kind for kind, _ in found]
        if {EXTERNAL, FILTERS} & set(kinds) or not {SPACE, TYPE, LAYOUT} <= set(kinds):
            raise ModelFileError(f"{path!r} is not an array in one piece, as Keras writes it")
        messages = dict(found)
        shape, dtype = _shape(messages[SPACE]), _number(messages[TYPE])
        layout = messages[LAYOUT]
        size = math.prod(shape) * dtype.itemsize
        if layout[:2] == b"\x03\x01":  # in one piece elsewhere
            at, stored = struct.unpack_from("<2Q", layout, 2)
            content = bytes(self._bytes(at, size)) if size == stored and at != NOWHERE else None
        elif layout[:2] == b"\x03\x00":  # in the header
            content = layout[4 : 4 + int.from_bytes(layout[2:4], "little")]
        else:
            raise ModelFileError(f"{path!r} stands in pieces, which Keras does not write")
        if content is None or len(content) != size:
            raise ModelFileError(f"{path!r} has not the bytes of an array of shape {shape}")
        self._spend(size)
        kind = dtype.newbyteorder("=") if dtype in (np.float64, np.int64) else np.dtype(np.float32)
        return np.frombuffer(content, dtype).reshape(shape).astype(kind)

    def text(self, group: Group, name: str) -> str | None:
        """Return a text that is an attribute, None where there is none."""
        found = self._texts(group, name)
        if found is not None and len(found) != 1:
            raise ModelFileError(f"the attribute {name!r} is not one text")
        return None if found is None else found[0]

    def texts(self, group: Group, name: str) -> list[str]:
        """Return texts that are an attribute; a long list stands in name0, name1, ..."""
        found = self._texts(group, name)
        if found is not None:
            return found
        pieces: list[list[str]] = []
        while (piece := self._texts(group, f"{name}{len(pieces)}")) is not None:
            pieces.append(piece)
        return [text for piece in pieces for text in piece]

    def _texts(self, group: Group, name: str) -> list[str] | None:
        if name not in group.attributes:
            return None
        message = group.attributes[name]
        version, flags, *sizes = struct.unpack_from("<2B3H", message)
        if version not in (1, 2, 3) or (version > 1 and flags):
            raise ModelFileError(f"the attribute {name!r} is of another form than Keras writes")
        at = 9 if version == 3 else 8
        parts = []
        for size in sizes:
            parts.append(message[at : at + size])
            at += (size + 7) // 8 * 8 if version == 1 else size
        n = math.prod(_shape(parts[2]))
        kind, length = parts[1][0] & 15, int.from_bytes(parts[1][4:8], "little")
        of_text = kind == 3 or (kind == 9 and parts[1][1] & 15 == 1 and length == 16)
        if n and not of_text:
            raise ModelFileError(f"the attribute {name!r} is no text")
        if at + n * length > len(message):
            raise ModelFileError(f"the attribute {name!r} is longer than its place")
        pieces = [message[at + i * length : at + (i + 1) * length] for i in range(n)]
        if kind == 9:
            pieces = [self._from_heap(piece) for piece in pieces]
        self._spend(sum(len(piece) for piece in pieces))
        return [piece.rstrip(b"\0").decode() for piece in pieces]

    # ---- how it is stored -----------------------------------------------------------------

    def _bytes(self, at: int, size: int) -> memoryview:
        if not 0 <= at <= at + size <= len(self._raw):
            raise ModelFileError("a part of it lies beyond its end")
        return self._view[at : at + size]

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise ModelFileError("it holds more than its own length")

    def _step(self) -> None:
        self._steps -= 1
        if self._steps < 0:
            raise ModelFileError("its parts lead back to each other")

    def _place(self, parent: Group, path: str) -> int:
        """Return where the header of a member begins."""
        *groups, last = path.split("/")
        for name in groups:
            parent = self._group(self._place(parent, name))
        if last not in parent:
            raise ModelFileError(f"it has no {path!r}")
        at = parent.members[last]
        if at is None:
            raise ModelFileError(f"{path!r} is a link to elsewhere")
        return at

    def _messages(self, at: int) -> Pieces:
        """Return the messages of a header, (kind, content), in whatever pieces it stands."""
        version, _, count, _, size = struct.unpack_from("<2BH2L", self._bytes(at, 16))
        if version != 1:
            raise ModelFileError("it has objects of a form that Keras does not write")
        blocks: list[tuple[int, int]] = [(at + 16, size)]
        found: Pieces = []
        for start, length in blocks:
            block, place = self._bytes(start, length), 0
            while place + 8 <= length and len(found) < count:
                self._step()
                kind, n, flags = struct.unpack_from("<2HB", block, place)
                content = bytes(block[place + 8 : place + 8 + n])
                if len(content) != n:
                    raise ModelFileError("a header is damaged")
                if kind in (SPACE, TYPE, LAYOUT, ATTRIBUTE) and flags & 2:
                    raise ModelFileError("objects share a description, which Keras does not write")
                if kind == GOES_ON:
                    blocks.append(struct.unpack_from("<2Q", content))
                found.append((kind, content))
                place += 8 + n
        return found

    def _group(self, at: int) -> Group:
        if at not in self._groups:
            members: dict[str, int | None] | None = None
            attributes = {}
            for kind, content in self._messages(at):
                if kind == GROUP:
                    tree, heap = struct.unpack_from("<2Q", content)
                    members = dict(self._members(tree, self._names(heap), 256))
                elif kind == ATTRIBUTE:
                    attributes[_name_of(content)] = content
                elif kind in (LINK, LINKS, DENSE_ATTRIBUTES):
                    raise ModelFileError("it has groups of a form that Keras does not write")
            if members is None:
                raise ModelFileError("an array stands where a group should be")
            self._groups[at] = Group(members, attributes)
        return self._groups[at]

    def _names(self, at: int) -> tuple[int, int]:
        """Return where the names of a group begin and end."""
        signature, size, _, start = struct.unpack_from("<8s3Q", self._bytes(at, 32))
        if signature[:5] != b"HEAP\0" or start + size > len(self._raw):
            raise ModelFileError("the names of a group are damaged")
        return start, start + size

    def _name(self, at: int, end: int) -> str:
        stop = self._raw.find(b"\0", at, min(end, at + MAX_NAME))
        if stop < 0:
            raise ModelFileError("the names of a group are damaged")
        return self._raw[at:stop].decode()

    def _members(
        self, at: int, names: tuple[int, int], above: int
    ) -> Iterator[tuple[str, int | None]]:
        """Give the members of a group; `above` is the level of the tree over this place."""
        self._step()
        head = bytes(self._bytes(at, 8))
        if head[:4] == b"TREE" and head[4] == 0 and head[5] < above:
            for i in range(int.from_bytes(head[6:8], "little")):
                child = int.from_bytes(self._bytes(at + 32 + 16 * i, 8), "little")
                yield from self._members(child, names, head[5])
        elif head[:5] == b"SNOD\x01" and above == 0:
            for i in range(int.from_bytes(head[6:8], "little")):
                self._step()
                entry = self._bytes(at + 8 + 40 * i, 40)
                offset, place, cached = struct.unpack_from("<2QL", entry)
                start, end = names
                yield self._name(start + offset, end), None if cached == 2 else place
        else:
            raise ModelFileError("the members of a group are damaged")

    def _from_heap(self, pointer: bytes) -> bytes:
        """Return a text that an attribute points to: its length, its heap, its number there."""
        length, heap, number = struct.unpack("<LQL", pointer)
        if length == 0:
            return b""
        if heap not in self._heaps:
            self._heaps[heap] = dict(self._objects(heap))
        start, size = self._heaps[heap].get(number, (0, -1))
        if length > size:
            raise ModelFileError("a text of it is damaged")
        return bytes(self._bytes(start, length))

    def _objects(self, at: int) -> Iterator[tuple[int, tuple[int, int]]]:
        """Give the objects of a heap: number, and where it begins and how long it is."""
        signature, size = struct.unpack_from("<8sQ", self._bytes(at, 16))
        if signature[:5] != b"GCOL\x01":
            raise ModelFileError("a text of it is damaged")
        content, place = self._bytes(at, size), 16
        while place + 16 <= size:
            self._step()
            number, _, length = struct.unpack_from("<H6sQ", content, place)
            if number == 0:  # the rest is free
                return
            yield number, (at + place + 16, min(length, size - place - 16))
            place += 16 + (length + 7) // 8 * 8


def _name_of(message: bytes) -> str:
    """Return the name of an attribute."""
    size = int.from_bytes(message[2:4], "little")
    start = 9 if message[:1] == b"\x03" else 8
    return message[start : start + size].split(b"\0")[0].decode()


def _shape(message: bytes) -> tuple[int, ...]:
    version, rank = message[0], message[1]
    if version == 2 and message[3] == 2:  # of nothing
        return (0,)
    if version not in (1, 2) or rank > 32:
        raise ModelFileError("an array has no shape")
    return struct.unpack_from(f"<{rank}Q", message, 8 if version == 1 else 4)


def _number(message: bytes) -> np.dtype[Any]:
    """Return the dtype of an integer or of a float as IEEE has it."""
    kind, order = message[0] & 15, ">" if message[1] & 1 else "<"
    size = int.from_bytes(message[4:8], "little")
    if kind == 0 and size in (1, 2, 4, 8):
        return np.dtype(f"{order}{'i' if message[1] & 8 else 'u'}{size}")
    if kind == 1 and size in IEEE and struct.unpack_from("<2H4BL", message, 8) == IEEE[size]:
        return np.dtype(f"{order}f{size}")
    raise ModelFileError("an array does not hold numbers, or not of a type that numcnn has")
