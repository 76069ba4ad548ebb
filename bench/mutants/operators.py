"""Small faults of Python: each is one place in one file with another text in it.

Of the libraries, cosmic-ray (8.7) makes 1 151 mutants of five of our modules, 992 of them `|` in
annotations and `==` become `is` or `in`; mutmut (3.8) makes 1 266, of which 855 give a call one
argument less. Neither knows a guard, a query or a lock, and so these are our own.

Nothing is made of what is the same program or no rule: annotations, docstrings, assertions, log
lines, texts for people, the arguments of decorators.
"""

import ast
import builtins
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

_COMPARISONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: (r"is\s+not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: (r"not\s+in", "in"),
}
# Methods of a statement that say less when they are gone, and others that say the opposite.
_GONE = {"with_for_update": "lock", "order_by": "order", "limit": "limit", "distinct": "limit"}
_OTHER = {
    "is_": ("null", "is_not"),
    "is_not": ("null", "is_"),
    "in_": ("comparison", "not_in"),
    "not_in": ("comparison", "in_"),
    "asc": ("order", "desc"),
    "desc": ("order", "asc"),
}
_METHODS = {"where", "filter", "having"}
_LOCKS = {"with_for_update", "skip_locked", "nowait"}
# Flags that change nothing a test could see.
_IDLE_FLAGS = {"strict", "exc_info", "daemon", "cache_ok", "key_share"}
_GUARDS = re.compile(r"requires|_request$|errorhandler|limit|context_processor|\.connect$")
_SILENT = re.compile(r"^(_?log(ger)?\.|print$|_$|gettext$|ngettext$|lazy_gettext$)")
_ENDS = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
_CACHED = {"cache", "lru_cache", "cached_property"}


@dataclass(frozen=True)
class Mutant:
    """A fault: `old` at `start` of the file becomes `new`."""

    file: str
    operator: str
    line: int
    start: int
    old: str
    new: str
    where: str = ""
    # The lines whose tests reach it; none when they run once, for all tests.
    first: int = 0
    last: int = 0
    nth: int = 0
    area: str = ""
    tests: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What it is called; the same when lines elsewhere in the file move."""
        return f"{self.file}:{self.where}:{self.operator}:{self.old}->{self.new}:{self.nth}"

    def apply(self, text: str) -> str:
        """The file with the fault in it."""
        end = self.start + len(self.old)
        if text[self.start : end] != self.old:
            raise ValueError(f"{self.file} is no longer what {self.key} was made of")
        return text[: self.start] + self.new + text[end:]


def mutants_of(file: str, text: str) -> list[Mutant]:
    """All faults of one file, none twice; a few are no Python (`is_python`)."""
    made: dict[tuple[int, str, str], Mutant] = {}
    count: dict[str, int] = {}
    for each in _Maker(file, text).walk(ast.parse(text)):
        mutant = replace(each, nth=count.get(each.key, 0))
        if (each.start, each.old, each.new) in made or each.old == each.new:
            continue
        count[each.key] = mutant.nth + 1
        made[(each.start, each.old, each.new)] = mutant
    return list(made.values())


def is_python(text: str) -> bool:
    """Whether it can be compiled at all."""
    try:
        compile(text, "mutant", "exec")
    except SyntaxError:
        return False
    return True


class _Maker:
    """Walks one file; it knows where it is."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._text = text
        lines = text.split("\n")
        self._lines = list(accumulate((len(line) + 1 for line in lines), initial=0))
        self._bytes = [line.encode() for line in lines]
        self._names: list[str] = []
        self._once = True
        self._reach = (0, 0)

    def walk(self, node: ast.AST) -> Iterator[Mutant]:
        """The faults of a node and of all below it."""
        if _is_silent(node):
            return
        before = self._reach, self._once
        if isinstance(node, ast.stmt):
            # Of a statement with a body, the head alone.
            body = getattr(node, "body", None)
            last = body[0].lineno - 1 if body else node.end_lineno or node.lineno
            self._reach = node.lineno, max(last, node.lineno)
        named = isinstance(node, (*_FUNCTION, ast.ClassDef))
        if isinstance(node, _FUNCTION):
            yield from self._decorators(node)
            self._once = bool(_CACHED & {_dotted(each) for each in node.decorator_list})
            self._reach = node.body[0].lineno, node.end_lineno or node.lineno
        if named:
            self._names.append(node.name)
        make = getattr(self, f"_{type(node).__name__.lower()}", None)
        if make is not None:
            yield from make(node)
        for child in _children(node):
            yield from self.walk(child)
        if named:
            self._names.pop()
        self._reach, self._once = before

    def _compare(self, node: ast.Compare) -> Iterator[Mutant]:
        sides = pairwise([node.left, *node.comparators])
        for operation, (left, right) in zip(node.ops, sides, strict=True):
            word, other = _COMPARISONS[type(operation)]
            yield from self._between(left, right, word, "comparison", other)
        for side in (node.left, *node.comparators):
            yield from self._members(side)
            yield from self._number(side)

    def _boolop(self, node: ast.BoolOp) -> Iterator[Mutant]:
        word, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in pairwise(node.values):
            yield from self._between(left, right, rf"\b{word}\b", "boolean", other)
        for value in node.values:
            rest = [f"({self._of(each)})" for each in node.values if each is not value]
            yield self._at(node, f"({f' {word} '.join(rest)})", "boolean")

    def _unaryop(self, node: ast.UnaryOp) -> Iterator[Mutant]:
        if isinstance(node.op, ast.Not | ast.Invert):
            yield self._at(node, f"({self._of(node.operand)})", "not")

    def _binop(self, node: ast.BinOp) -> Iterator[Mutant]:
        yield from self._number(node)
        types = any(_is_type(side) for side in (node.left, node.right))
        if isinstance(node.op, ast.BitAnd | ast.BitOr) and not types:
            word, other = ("&", "|") if isinstance(node.op, ast.BitAnd) else (r"\|", "&")
            yield from self._between(node.left, node.right, word, "boolean", other)
        counts = any(_is_amount(side) for side in (node.left, node.right))
        if counts and isinstance(node.op, ast.Add | ast.Sub):
            word, other = (r"\+", "-") if isinstance(node.op, ast.Add) else ("-", "+")
            yield from self._between(node.left, node.right, word, "arithmetic", other)

    def _if(self, node: ast.If) -> Iterator[Mutant]:
        guards = not node.orelse and isinstance(node.body[-1], _ENDS)
        yield self._at(node.test, "False", "guard" if guards else "condition")
        yield self._at(node.test, "True", "condition")

    def _ifexp(self, node: ast.IfExp) -> Iterator[Mutant]:
        yield self._at(node.test, "False", "condition")
        yield self._at(node.test, "True", "condition")

    def _comprehension(self, node: ast.comprehension) -> Iterator[Mutant]:
        for test in node.ifs:
            yield self._at(test, "True", "condition")

    def _call(self, node: ast.Call) -> Iterator[Mutant]:
        name = _dotted(node.func).rpartition(".")[2]
        if isinstance(node.func, ast.Attribute):
            if name in _GONE or (name in _METHODS and len(node.args) == 1):
                yield self._tail(node.func, node, "", _GONE.get(name, "where"))
            if name in _OTHER:
                operator, other = _OTHER[name]
                yield self._tail(node.func, node.func, f".{other}", operator)
        if len(node.args) > 1 and (
            name in {"and_", "or_"} or (name in _METHODS and isinstance(node.func, ast.Attribute))
        ):
            yield from self._fewer(node, node.args, "where")
        if name == "order_by" and len(node.args) > 1:
            yield from self._fewer(node, node.args[-1:], "order")
        if name in {"max", "min"} and isinstance(node.func, ast.Name) and len(node.args) > 1:
            yield self._at(node.func, "min" if name == "max" else "max", "comparison")
        locks = [word for word in node.keywords if word.arg in _LOCKS]
        yield from self._fewer(node, locks, "lock")
        for word in node.keywords:
            if isinstance(word.value, ast.Constant) and word.arg not in _IDLE_FLAGS | _LOCKS:
                yield from self._swapped(word.value)
        for value in (*node.args, *(word.value for word in node.keywords)):
            yield from self._number(value)

    def _expr(self, node: ast.Expr) -> Iterator[Mutant]:
        if isinstance(node.value, ast.Call) and self._names:
            yield self._at(node, "pass", "call")

    def _assign(self, node: ast.Assign) -> Iterator[Mutant]:
        if isinstance(node.targets[0], ast.Attribute) and "__init__" not in self._names:
            yield self._at(node, "pass", "call")
        yield from self._number(node.value)
        if not self._names:
            yield from self._members(node.value)
            if isinstance(node.value, ast.Call) and _dotted(node.value.func) == "frozenset":
                for argument in node.value.args:
                    yield from self._members(argument)

    def _annassign(self, node: ast.AnnAssign) -> Iterator[Mutant]:
        if node.value is not None:
            yield from self._number(node.value)
            yield from self._swapped(node.value)

    def _arguments(self, node: ast.arguments) -> Iterator[Mutant]:
        for default in (*node.defaults, *node.kw_defaults):
            if default is not None:
                yield from self._number(default)
                yield from self._swapped(default)

    def _slice(self, node: ast.Slice) -> Iterator[Mutant]:
        for edge in (node.lower, node.upper):
            if edge is not None:
                yield from self._number(edge)

    def _functiondef(self, node: ast.FunctionDef) -> Iterator[Mutant]:
        """A function returns another thing of the type that it says."""
        says = ast.unparse(node.returns) if node.returns is not None else ""
        for inner in _own_returns(node):
            value = inner.value
            if value is None or isinstance(value, ast.Constant) or _is_silent(value):
                continue
            other = {"bool": f"not ({self._of(value)})", "int": f"({self._of(value)}) + 1"}.get(
                says
            )
            if other is None and "None" in says:
                other = "None"
            if other is None and re.match(r"(list|Sequence|Iterable)\[", says):
                other = "[]"
            if other is None and re.match(r"(dict|Mapping)\[", says):
                other = "{}"
            if other is not None:
                kept, self._reach = self._reach, (inner.lineno, inner.end_lineno or inner.lineno)
                yield self._at(value, other, "return")
                self._reach = kept

    def _return(self, node: ast.Return) -> Iterator[Mutant]:
        if node.value is not None:
            yield from self._swapped(node.value, "return")
            yield from self._number(node.value)

    def _decorators(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Mutant]:
        for decorator in node.decorator_list:
            if _GUARDS.search(_dotted(decorator)):
                start = self._offset(decorator.lineno, 0)
                old = self._text[start : self._end(decorator) + 1]
                # Who is refused by it never comes to the lines below.
                made = self._mutant(decorator.lineno, start, old, "", "decorator")
                yield replace(made, where=node.name, first=0, last=0)

    def _members(self, node: ast.expr) -> Iterator[Mutant]:
        """One less of what belongs together; of words there are too many to ask about each."""
        if isinstance(node, ast.Tuple | ast.Set | ast.List) and len(node.elts) > 1:
            named = [each for each in node.elts if isinstance(each, ast.Name | ast.Attribute)]
            if len(named) == len(node.elts):
                yield from self._fewer(node, node.elts, "member")

    def _swapped(self, node: ast.expr, operator: str = "flag") -> Iterator[Mutant]:
        if isinstance(node, ast.Constant) and isinstance(node.value, bool):
            yield self._at(node, str(not node.value), operator)

    def _number(self, node: ast.expr) -> Iterator[Mutant]:
        """A number, or what is reckoned from numbers, is one more and one less."""
        if isinstance(node, ast.BinOp):
            yield from self._number(node.left)
            yield from self._number(node.right)
        if not isinstance(node, ast.Constant) or type(node.value) not in {int, float}:
            return
        yield self._at(node, repr(node.value + 1), "constant")
        if node.value > 0:
            yield self._at(node, repr(node.value - 1), "constant")

    def _fewer(self, node: ast.AST, parts: list[ast.AST], operator: str) -> Iterator[Mutant]:
        """Without one of its parts, and without the comma after it or before it."""
        for part in parts:
            start, end = self._start(part), self._end(part)
            after = re.match(r"\s*,[ \t]*", self._text[end : self._end(node)])
            if after:
                end += after.end()
            else:
                before = re.search(r",\s*\Z", self._text[self._start(node) : start])
                start -= len(before.group()) if before else 0
            yield self._mutant(part.lineno, start, self._text[start:end], "", operator)

    def _between(
        self, left: ast.expr, right: ast.expr, word: str, operator: str, other: str
    ) -> Iterator[Mutant]:
        """Another word between two expressions."""
        gap = self._text[self._end(left) : self._start(right)]
        if found := re.search(word, re.sub(r"#[^\n]*", lambda note: " " * len(note[0]), gap)):
            start = self._end(left) + found.start()
            yield self._mutant(left.end_lineno or 0, start, found.group(), other, operator)

    def _tail(self, method: ast.Attribute, until: ast.AST, new: str, operator: str) -> Mutant:
        """Another end from where a method's name begins with its dot."""
        start = self._end(method.value)
        old = self._text[start : self._end(until)]
        return self._mutant(method.end_lineno or method.lineno, start, old, new, operator)

    def _at(self, node: ast.AST, new: str, operator: str) -> Mutant:
        start = self._start(node)
        return self._mutant(node.lineno, start, self._text[start : self._end(node)], new, operator)

    def _mutant(self, line: int, start: int, old: str, new: str, operator: str) -> Mutant:
        where = ".".join(self._names)
        first, last = (0, 0) if self._once else self._reach
        return Mutant(self._file, operator, line, start, old, new, where, first, last)

    def _of(self, node: ast.AST) -> str:
        return self._text[self._start(node) : self._end(node)]

    def _start(self, node: ast.AST) -> int:
        return self._offset(node.lineno, node.col_offset)

    def _end(self, node: ast.AST) -> int:
        return self._offset(node.end_lineno, node.end_col_offset)

    def _offset(self, line: int, column: int) -> int:
        """Columns of a syntax tree are bytes."""
        return self._lines[line - 1] + len(self._bytes[line - 1][:column].decode())


def _is_silent(node: ast.AST) -> bool:
    """Whether nothing in it is a rule."""
    if isinstance(node, ast.Expr):
        node = node.value
    if isinstance(node, ast.Call):
        return _SILENT.search(_dotted(node.func)) is not None
    if isinstance(node, ast.If):
        return bool({"TYPE_CHECKING", "__name__"} & {_dotted(each) for each in ast.walk(node.test)})
    return isinstance(node, ast.Assert | ast.JoinedStr)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    for name, value in ast.iter_fields(node):
        if name not in {"annotation", "returns", "decorator_list"}:
            parts = value if isinstance(value, list) else [value]
            yield from (part for part in parts if isinstance(part, ast.AST))


def _dotted(node: ast.AST) -> str:
    """The name of what is called, as `a.b`; of something without a name its last part."""
    if isinstance(node, ast.Call):
        return _dotted(node.func)
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _is_type(node: ast.expr) -> bool:
    """Whether `|` beside it makes a type: `Idea | None`."""
    if isinstance(node, ast.Constant):
        return node.value is None
    name = _dotted(node.value if isinstance(node, ast.Subscript) else node)
    return name in dir(builtins) or re.search(r"(^|\.)[A-Z]\w*[a-z]\w*$", name) is not None


def _is_amount(node: ast.expr) -> bool:
    """Whether `+` beside it counts, and does not join texts."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | float)
    name = _dotted(node).rpartition(".")[2]
    return name in {"utcnow", "timedelta", "len", "monotonic"} or name.isupper()


def _own_returns(node: ast.AST) -> Iterator[ast.Return]:
    """The returns of a function that are not those of a function in it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Return):
            yield child
        elif not isinstance(child, (*_FUNCTION, ast.Lambda, ast.ClassDef)):
            yield from _own_returns(child)
