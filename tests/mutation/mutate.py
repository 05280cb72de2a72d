"""Small faults put into a piece of Python, one at a time, on its syntax tree.

`mutants(source, file, functions)` yields each faulty version of the chosen functions: another
operator, a number one off, axes exchanged, a term's function left out, a condition that always or
never holds, a statement that is not run. Docstrings, annotations, the texts of errors, the order of
the axes of a sum and the -1 of a reshape (as -2) are left alone: a fault there changes no result.
"""

import ast
import copy
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

OPERATORS: dict[type, list[type]] = {
    ast.Add: [ast.Sub],
    ast.Sub: [ast.Add],
    ast.Mult: [ast.Div],
    ast.Div: [ast.Mult],
    ast.FloorDiv: [ast.Mult],
    ast.Mod: [ast.FloorDiv],
    ast.Pow: [ast.Mult],
    ast.RShift: [ast.LShift],
    ast.LShift: [ast.RShift],
    ast.BitAnd: [ast.BitOr],
    ast.BitOr: [ast.BitAnd],
    ast.BitXor: [ast.BitOr],
    ast.Lt: [ast.LtE, ast.GtE],
    ast.LtE: [ast.Lt, ast.Gt],
    ast.Gt: [ast.GtE, ast.LtE],
    ast.GtE: [ast.Gt, ast.Lt],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
    ast.And: [ast.Or],
    ast.Or: [ast.And],
}
NAMES = {
    "max": "min", "min": "max", "maximum": "minimum", "minimum": "maximum",
    "argmax": "argmin", "argmin": "argmax", "sum": "mean", "mean": "sum",
    "zeros": "ones", "zeros_like": "ones_like", "ones": "zeros", "all": "any", "any": "all",
    "add": "sub", "load": "splat",
}  # fmt: skip
# f(x, ...) becomes x.
DROPPED = {"abs", "clip", "exp", "log", "log1p", "maximum", "minimum", "sqrt", "max", "min", "bool"}
CHOICES = {"where", "where_beats"}  # their last two arguments are exchanged
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
IGNORED_KEYWORDS = {"strict"}  # zip(..., strict=True) is a check of the code itself


@dataclass(frozen=True)
class Mutant:
    """One fault. `nth` counts those of a function that read the same, from 1."""

    file: str
    function: str
    before: str
    after: str
    nth: int
    line: int
    source: str

    @property
    def key(self) -> tuple[str, str, str, str, int]:
        """What names the fault as long as the statement itself stays as it is."""
        return self.file, self.function, self.before, self.after, self.nth

    @property
    def text(self) -> str:
        """What to read, without the file and the line."""
        again = f" (number {self.nth})" if self.nth > 1 else ""
        return f"{self.function}{again}\n  - {self.before}\n  + {self.after}\n"

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.text}".rstrip()


def mutants(
    source: str,
    file: str,
    functions: str = "",
    without: str = "$^",
    kinds: type[ast.stmt] = ast.stmt,
) -> Iterator[Mutant]:
    """Yield the mutants of all functions whose name, such as ReLU.backward, matches a pattern.

    With `kinds` only statements of this class are changed: of ast.Raise, each `raise` is left out.
    """
    parts = ast.parse(source).body
    texts = [ast.unparse(part) for part in parts]  # only the part with the fault is written anew
    seen: Counter[tuple[str, str, str]] = Counter()
    for at, part in enumerate(parts):
        for name, function in _functions(ast.Module([part], [])):
            if not re.search(functions, name) or re.search(without, name):
                continue
            for block, i in list(_statements(function)):
                if not isinstance(block[i], kinds):
                    continue
                before, line = _text(block[i]), block[i].lineno
                for after in _changes(function, block, i):
                    if after != before:
                        seen[name, before, after] += 1
                        nth = seen[name, before, after]
                        faulty = "\n".join([*texts[:at], ast.unparse(part), *texts[at + 1 :], ""])
                        yield Mutant(file, name, before, after, nth, line, faulty)


def _functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.FunctionDef):
            yield f"{prefix}{node.name}", node


def _blocks(node: ast.AST) -> list[list[ast.stmt]]:
    blocks = [getattr(node, field, None) for field in ("body", "orelse", "finalbody")]
    blocks += [handler.body for handler in getattr(node, "handlers", [])]
    blocks += [case.body for case in getattr(node, "cases", [])]
    return [block for block in blocks if isinstance(block, list) and block]


def _statements(node: ast.AST) -> Iterator[tuple[list[ast.stmt], int]]:
    """Yield (the block it stands in, its place there) of each statement; no docstrings."""
    for block in _blocks(node):
        for i, statement in enumerate(block):
            if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
                yield block, i
                yield from _statements(statement)


def _text(statement: ast.stmt) -> str:
    """Return the source of a statement; of one with a body, its head."""
    if not _blocks(statement):
        return ast.unparse(statement)
    head = copy.copy(statement)
    for field in BLOCKS:
        if hasattr(head, field):
            setattr(head, field, [])
    return ast.unparse(head).rstrip(":").split("\n")[0].strip()


def _changes(function: ast.FunctionDef, block: list[ast.stmt], i: int) -> Iterator[str]:
    """Make one change after the other to block[i], and yield what it then reads like."""
    statement = block[i]
    for after, replacement in _instead(function, statement):
        block[i : i + 1] = replacement
        yield after
        block[i : i + len(replacement)] = [statement]
    if isinstance(statement, ast.Raise):
        return
    if isinstance(statement, (ast.If, ast.While)):
        test = statement.test
        for always in (False, True)[: 2 if isinstance(statement, ast.If) else 1]:
            statement.test = ast.Constant(always)
            yield _text(statement)
        statement.test = test
    if isinstance(statement, ast.For):
        over, statement.iter = statement.iter, ast.Tuple([], ast.Load())
        yield _text(statement)
        statement.iter = over
    computed = _computed_sizes(statement)
    for holder, field, place, node in list(_expressions(statement)):
        if isinstance(holder, ast.keyword) and holder.arg == "axis" and isinstance(node, ast.Tuple):
            continue  # in a sum the order of the axes does not matter
        for other in _alternatives(node):
            if id(node) in computed and ast.unparse(other) == "2":
                continue
            _put(holder, field, place, other)
            yield _text(statement)
            _put(holder, field, place, node)


def _computed_sizes(statement: ast.AST) -> set[int]:
    """Return the ids of the 1 of each reshape(-1, ...): any negative size means the same."""
    calls = [n for n in ast.walk(statement) if isinstance(n, ast.Call)]
    sizes = [a for c in calls if getattr(c.func, "attr", "") == "reshape" for a in c.args]
    return {id(s.operand) for s in sizes if isinstance(s, ast.UnaryOp)}


def _instead(
    function: ast.FunctionDef, statement: ast.stmt
) -> Iterator[tuple[str, list[ast.stmt]]]:
    """Yield statements that may stand in place of one."""
    if isinstance(statement, ast.With):
        yield f"without {_text(statement)}", statement.body
    if isinstance(statement, (ast.Expr, ast.AugAssign, ast.Raise, ast.Break, ast.Continue)):
        yield "pass", [ast.Pass()]
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    if isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    for target in targets:
        if not isinstance(target, ast.Name) or _bound(function, target.id, statement.lineno):
            yield "pass", [ast.Pass()]


def _bound(function: ast.FunctionDef, name: str, line: int) -> bool:
    """Return whether the function has given the name a value before this line."""
    arguments = [a.arg for a in (*function.args.args, *function.args.kwonlyargs)]
    stored = (n for n in ast.walk(function) if isinstance(n, ast.Name) and n.id == name)
    earlier = (isinstance(n.ctx, ast.Store) and n.lineno < line for n in stored)
    return name in arguments or any(earlier)


def _expressions(node: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """Yield (holder, field, place in it if it is a list, node) of all under a statement."""
    for field, value in ast.iter_fields(node):
        if field in BLOCKS and isinstance(value, list):
            continue
        if field in ("annotation", "returns", "args") and isinstance(node, ast.FunctionDef):
            continue
        if field == "annotation" or isinstance(node, (ast.JoinedStr, ast.FunctionDef)):
            continue
        if isinstance(node, ast.keyword) and node.arg in IGNORED_KEYWORDS:
            continue
        for place, child in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(child, ast.AST):
                yield node, field, place if isinstance(value, list) else None, child
                yield from _expressions(child)


def _put(holder: ast.AST, field: str, place: int | None, node: ast.AST) -> None:
    if place is None:
        setattr(holder, field, node)
    else:
        getattr(holder, field)[place] = node


def _with(node: ast.AST, **fields: object) -> ast.AST:
    """Return a copy of a node with other fields."""
    twin = copy.copy(node)
    for name, value in fields.items():
        setattr(twin, name, value)
    return twin


def _alternatives(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what may stand in place of a node."""
    for other in OPERATORS.get(type(node), []):
        yield other()
    match node:
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield from (ast.Constant(value + 1), ast.Constant(value - 1))
        case ast.Constant(value=float(value)):
            yield ast.Constant(value + 1)
        case ast.BinOp(left=left, op=ast.MatMult(), right=right):
            yield _with(node, left=right, right=left)
        case ast.UnaryOp(operand=operand):
            yield operand
        case ast.IfExp(body=body, orelse=orelse):
            yield from (body, orelse)
        case ast.Tuple(elts=elements):
            for k in range(len(elements) - 1):
                swapped = [*elements[:k], elements[k + 1], elements[k], *elements[k + 2 :]]
                yield _with(node, elts=swapped)
        case ast.Slice():
            for field in ("lower", "upper", "step"):
                if getattr(node, field) is not None:
                    yield _with(node, **{field: None})
        case ast.Attribute(value=value, attr="T"):
            yield value
        case ast.Attribute(attr=name) if name in NAMES:
            yield _with(node, attr=NAMES[name])
        case ast.Name(id=name) if name in NAMES:
            yield _with(node, id=NAMES[name])
        case ast.Call():
            yield from _calls(node)


def _calls(node: ast.Call) -> Iterator[ast.AST]:
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name in DROPPED and node.args:
        yield node.args[0]
    if name in CHOICES:
        *first, a, b = node.args
        yield _with(node, args=[*first, b, a])
    for k, keyword in enumerate(node.keywords):
        if keyword.arg not in IGNORED_KEYWORDS:
            yield _with(node, keywords=[*node.keywords[:k], *node.keywords[k + 1 :]])
