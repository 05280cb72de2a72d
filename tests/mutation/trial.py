"""Faults tried out, each in a process of its own, most of them without importing anything again.

`rehearsed` starts one run of pytest that imports and collects everything without a fault. Where the
tests would begin it forks once for each fault. The child puts the faulty code into the function
where it stands and runs the tests: first those that found other faults, best of this function, and
then the quick ones before the slow. A function that was called already while tests were collected
may have left its results behind: a fault in it is one for `afresh`, which imports the faulty file.

With `reaching`, only those tests run that come to the faulty statement: for `raise`, which most
tests never reach, and whose absence leaves nothing behind where none was reached.

Needs os.fork. Time is counted in processor seconds.
"""

import gc
import json
import os
import resource
import sys
import threading
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any, NoReturn

import pytest
from mutation.mutate import Mutant

Place = tuple[str, str]  # a file and the qualified name of a function there
Line = tuple[str, int]
MEMORY = 8 * 2**30  # of address space: a fault may ask for an array of any size
QUIET = ["-x", "-q", "--tb=line", "-p", "no:cacheprovider", "-p", "no:faulthandler"]
QUIET += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]


def afresh(tests: list[str], seconds: float, log: Path) -> tuple[bool, float]:
    """Import anew and run tests in a child; return whether all passed in time, and their time."""
    before = os.times()
    child = os.fork()
    if child == 0:
        _limit(seconds)
        _end_with(log, lambda: int(pytest.main([*QUIET, f"--rootdir={Path.cwd()}", *tests])))
    passed = _waited_for(child) == 0
    after = os.times()
    spent = after.children_user + after.children_system
    return passed, spent - before.children_user - before.children_system


def rehearsed(
    tree: Path, tests: list[str], faults: list[Mutant], log: Path, reaching: bool = False
) -> Iterator[tuple[Mutant, str]]:
    """Yield each fault with "found", "lives" or "afresh", if it has to be imported."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _end_with(log, lambda: _rehearse(tree, tests, faults, reaching, writer))
    os.close(writer)
    with open(reader, encoding="utf-8") as lines:
        for line in lines:
            number, result = json.loads(line)
            yield faults[number], result
    if _waited_for(child) != 0:
        raise SystemExit(f"The tests fail without any fault:\n{log.read_text(encoding='utf-8')}")


def _rehearse(
    tree: Path, tests: list[str], faults: list[Mutant], reaching: bool, writer: int
) -> int:
    plugin = (_Reaching if reaching else _Rehearsal)(tree, faults, writer)
    sys.setprofile(plugin.watch)
    options = [*QUIET, "--capture=sys", f"--rootdir={Path.cwd()}"]  # no file shared by the forks
    status = int(pytest.main([*options, *tests], plugins=[plugin]))
    return status if plugin.in_child else plugin.status


class _Rehearsal:
    """A plugin for pytest: tests, collected once and run for each fault."""

    def __init__(self, tree: Path, faults: list[Mutant], writer: int) -> None:
        self.faults, self.writer = faults, writer
        self.paths = {fault.file: str(tree / fault.file) for fault in faults}
        self.watched = frozenset(self.paths.values())
        self.called: set[Place] = set()  # the files' functions that ran before the tests
        self.functions: dict[Place, list[FunctionType]] = defaultdict(list)
        self.seconds: dict[str, float] = {}  # of the processor, by test
        self.finders: dict[Place, list[str]] = defaultdict(list)  # by function, the last one first
        self.in_child, self.status = False, 1

    def watch(self, frame: FrameType, event: str, _: Any) -> None:
        """Note a function of the files that is called; sys.setprofile calls this."""
        if event == "call" and frame.f_code.co_filename in self.watched:
            self.called.add((frame.f_code.co_filename, frame.f_code.co_qualname))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Fork for each fault. A child returns None, whereupon pytest runs the tests as usual."""
        sys.setprofile(None)
        if session.testsfailed or not session.items:
            return None
        for thing in gc.get_objects():
            if type(thing) is FunctionType and thing.__code__.co_filename in self.watched:
                code = thing.__code__
                self.functions[code.co_filename, code.co_qualname].append(thing)
        gc.collect()
        gc.freeze()
        if (tried := self._try(session, session.items)) is None:
            return None
        if not tried[0]:
            return True
        by_time = sorted(session.items, key=lambda item: self.seconds[item.nodeid])
        for number, fault in enumerate(self.faults):
            code, place = self._code(fault), self._place(fault)
            if code is None:
                self._tell(number, "afresh")
                continue
            order = self._order(place)
            items = [item for item in by_time if self.may_find(item.nodeid, fault)]
            items.sort(key=lambda item: order.get(item.nodeid, len(order)))
            if (tried := self._try(session, items, place, code) if items else (True, "")) is None:
                return None
            passed, last = tried
            if not passed and last not in order:  # it comes first from now on: is that all right?
                alone = [item for item in by_time if item.nodeid == last]
                if (tried := self._try(session, alone)) is None:
                    return None
                if not tried[0]:
                    return True
            if not passed:
                finders = self.finders[place]
                finders[:] = [last, *(name for name in finders if name != last)]
            self._tell(number, "lives" if passed else "found")
        self.status = 0
        return True

    def _try(
        self,
        session: pytest.Session,
        items: list[pytest.Item],
        place: Place = ("", ""),
        code: CodeType | None = None,
    ) -> tuple[bool, str] | None:
        """Return whether the tests passed, and the last that began; None in the child.

        The child has put the code into the function; pytest is to run these tests there.
        """
        sys.stdout.flush()
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            self.in_child, self.writer = True, writer
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            if code is not None:
                for f in self.functions[place]:
                    f.__code__ = code
            session.items = items
            return None
        os.close(writer)
        last = ""
        with open(reader, encoding="utf-8") as lines:
            for line in lines:
                last, seconds, *more = json.loads(line)
                if seconds is not None and last not in self.seconds:
                    self.seconds[last] = seconds
                    self.learn(last, *more)
        return _waited_for(child) == 0, last

    def may_find(self, test: str, fault: Mutant) -> bool:
        """Return whether a test is to be run for a fault."""
        return True

    def learn(self, test: str) -> None:
        """Hear what else the first run of a test has to tell."""

    def _order(self, place: Place) -> dict[str, int]:
        """Return the places of the tests that found something, best those in this function."""
        others = [name for finders in self.finders.values() for name in finders]
        ordered = dict.fromkeys([*self.finders[place], *others])
        return {name: place for place, name in enumerate(ordered)}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Tell which test begins and how long it took; end one that never ends."""
        start = time.process_time()
        usual = self.seconds.get(item.nodeid)
        _limit(3600 if usual is None else start + 3 + 10 * usual)
        self._tell(item.nodeid, None)
        result = yield
        self._tell(item.nodeid, time.process_time() - start, *self.to_learn())
        return result

    def to_learn(self) -> tuple[Any, ...]:
        """Return what the first run of a test has to tell, besides its time."""
        return ()

    def _tell(self, *what: Any) -> None:
        os.write(self.writer, (json.dumps(what) + "\n").encode())

    def _place(self, fault: Mutant) -> Place:
        return self.paths[fault.file], fault.function

    def _code(self, fault: Mutant) -> CodeType | None:
        """Return the function's faulty code, or None if it cannot simply be put in place."""
        path, _ = place = self._place(fault)
        functions = self.functions[place]
        codes = _codes(compile(fault.source, path, "exec", dont_inherit=True))
        faulty = [code for code in codes if code.co_qualname == fault.function]
        if place in self.called or not functions or len(faulty) != 1:
            return None
        fits = all(f.__code__.co_freevars == faulty[0].co_freevars for f in functions)
        return faulty[0] if fits else None


class _Reaching(_Rehearsal):
    """The same, with none but the tests that reach the statement that a fault leaves out."""

    def __init__(self, tree: Path, faults: list[Mutant], writer: int) -> None:
        super().__init__(tree, faults, writer)
        self.places = {self._place(fault) for fault in faults}
        self.lines = {(self.paths[fault.file], fault.line) for fault in faults}
        self.reached: set[Line] = set()  # by the test that runs
        self.reaches: dict[str, set[Line]] = {}  # by test

    def watch(self, frame: FrameType, event: str, _: Any) -> None:
        """What was called while tests were collected has left nothing behind."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        """Look at each line that the first run of a test, its fixtures included, comes to."""
        if not self.seconds:
            self.reached.clear()
            threading.settrace(self.trace)
            sys.settrace(self.trace)

    def trace(self, frame: FrameType, event: str, _: Any) -> Callable[..., Any] | None:
        """Note a line that is looked for; sys.settrace calls this."""
        path = frame.f_code.co_filename
        if path not in self.watched:
            return None
        if event == "call":
            outermost = frame.f_code.co_qualname.split(".<locals>")[0]
            return self.trace if (path, outermost) in self.places else None
        if event == "line" and (path, frame.f_lineno) in self.lines:
            self.reached.add((path, frame.f_lineno))
        return self.trace

    def to_learn(self) -> tuple[Any, ...]:
        """Return the lines that the test has reached."""
        return (sorted(self.reached),)

    def learn(self, test: str, lines: list[Line]) -> None:
        """Keep which lines a test reaches."""
        self.reaches[test] = {(path, line) for path, line in lines}

    def may_find(self, test: str, fault: Mutant) -> bool:
        """Return whether the test reaches the statement."""
        return (self.paths[fault.file], fault.line) in self.reaches[test]


def _codes(code: CodeType) -> Iterator[CodeType]:
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield inner
            yield from _codes(inner)


def _limit(seconds: float) -> None:
    """End this process once it has taken so many seconds of the processor."""
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, most))


def _waited_for(child: int) -> int:
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _end_with(log: Path, work: Callable[[], int]) -> NoReturn:
    """In a child: write what it says to the log, do the work, and end with its status."""
    status = 70
    try:
        with open(log, "ab") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        status = work()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)
