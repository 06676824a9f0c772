"""Add the user's own rules to the day: modules named under `rules` in `panj.yaml`, compiled with those of Panj.

A rule is a file such as `my_rules/neighbours.py`, with a YAML file of the same name that declares its numbers. It
defines

- `AFTER`: the step of `sim.engine.day.run_day` after which it runs, such as `cross`;
- `STREAM`: the number of its stream of draws, from 50 to 98, different from that of any other rule;
- `WRITES`: the traits that it changes, such as `("units.morale",)`;
- a NamedTuple of its numbers, named after the file (`Neighbours`), as in `sim/engine/rules`;
- `act(land, armies, border, numbers, today)`, decorated with `rule`.

The rules of a process are fixed when the engine is imported. Then `sim.engine.day` is built from its own source, with
one field of `Rules` and one call added for each of the user's rules, and the sources of these rules become part of the
fingerprint of the rules, which names the cache folder of compiled code. If the user has no rules, nothing changes.
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import spec_from_file_location
from inspect import Parameter, Signature
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from sim.data import meaning
from sim.data.own import digest_of, named_rules, own_folder
from sim.errors import PanjError, unknown

PACKAGE = "panj_rules"  # package under which the modules are imported
DAY, STEPS, RULES = "sim.engine.day", "run_day", "Rules"
ACT = ["land", "armies", "border", "numbers", "today"]  # parameters of `act`
ARGUMENTS = ", ".join(ACT)
STREAMS = (50, 98)
IMPORTED = ("typing", "math", "sim.engine.chance", "sim.engine.compile", "sim.engine.world", "sim.engine.bookkeeping")
WRITABLE = ("units", "garrisons", "forces", "prongs", "districts", "provinces", "posts", "refugees", "queues")
DRAWS = ("uniform", "normal", "gumbel", "bits")  # functions of `sim.engine.chance` whose second parameter is a stream
# methods and attributes of arrays that change nothing; any other method is taken to write to the array
READING = ("all", "any", "argmax", "argmin", "copy", "item", "max", "mean", "min", "sum")
FORBIDDEN = ("open", "exec", "eval", "compile", "__import__", "globals", "setattr", "print", "input")


class OwnRule(NamedTuple):
    """One of the user's rules, checked as far as possible without running it."""

    name: str  # name of its file, of its field of `Rules` and in the keys of its numbers, such as neighbours
    path: Path
    after: str  # step after which it runs
    stream: int  # number of its stream
    digest: str  # hash of the file

    @property
    def numbers(self) -> Path:
        """Path of the YAML file that declares its numbers."""
        return self.path.with_suffix(".yaml")

    @property
    def kind(self) -> str:
        """Name of the NamedTuple of its numbers."""
        return self.name.capitalize()


@cache
def own_rules() -> tuple[OwnRule, ...]:
    """Return the user's rules, in the order of `panj.yaml`; they are read only once per process.

    Raises:
        PanjError: If a file is missing or is not a rule; the message names the file.
    """
    folder = own_folder()
    names = named_rules()
    found: list[OwnRule] = []
    for name in names:
        one = read_rule(folder / name)  # type: ignore[operator]
        for other in found:
            if one.name == other.name:
                raise PanjError(f"{one.path}: found the same name as {other.path}, expected another")
            if one.stream == other.stream:
                raise PanjError(f"{one.path}, STREAM: found {one.stream}, which {other.path} uses, expected another")
        found.append(one)
    return tuple(found)


def check_unchanged() -> None:
    """Raise PanjError if `panj.yaml` no longer names the rules that this process read, or if a rule was edited."""
    folder = own_folder()
    paths = [folder / name for name in named_rules()] if folder is not None else []
    begun = [(rule.path, rule.digest) for rule in own_rules()]
    if begun != [(path, digest_of(path) if path.is_file() else "") for path in paths]:
        now, then = (", ".join(map(str, names)) or "none" for names in (paths, [path for path, _ in begun]))
        raise PanjError(
            f"rules: found {now}, expected the rules that this process has loaded ({then}), unchanged; restart Python, "
            "or the kernel of the notebook", key="rules",
        )  # fmt: skip


def read_rule(path: Path) -> OwnRule:
    """Read and check the file of a rule without running it.

    Raises:
        PanjError: If the file cannot be read, has no numbers, lacks a required part, or does something that a rule must
            not do.
    """
    try:
        tree = ast.parse(path.read_text(encoding="utf-8-sig"), str(path))
    except (OSError, SyntaxError, ValueError) as error:
        raise PanjError(f"{path}: found {error}, expected the Python file of a rule", key=str(path)) from error
    if not path.stem.isidentifier() or path.stem in fields_of_rules():
        raise PanjError(f"{path}: found '{path.stem}', expected a name of letters that no rule of Panj has")
    rule = OwnRule(path.stem, path, *check_parts(path, tree), digest_of(path))
    if not rule.numbers.is_file():
        raise PanjError(f"{rule.numbers}: found no file, expected one that declares the numbers of {path.name}")
    check_imports(path, tree)
    check_draws(path, tree, rule.stream)
    check_writes(path, tree)
    check_attributes(path, tree)
    check_calls(path, tree)
    return rule


def check_parts(path: Path, tree: ast.Module) -> tuple[str, int]:
    """Check that a module has all parts of a rule and no other statements; return its `AFTER` and `STREAM`."""
    constants: dict[str, Any] = {}
    defined: dict[str, ast.stmt] = {}
    for node in meaning.body_of(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            if node.targets[0].id in constants:
                raise refused(path, node, "a single value for each name")
            try:
                constants[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                raise refused(path, node, "a plain value") from None
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined[node.name] = node
        elif not isinstance(node, ast.Import | ast.ImportFrom):
            raise refused(path, node, "imports, constants, a class and functions only")
    for name in ("AFTER", "STREAM", "WRITES"):
        if name not in constants:
            raise PanjError(f"{path}: found no {name}, expected one, as in the example that `init` writes")
    for name in (path.stem.capitalize(), "act"):
        if name not in defined:
            raise PanjError(
                f"{path}: found no {name}, expected {'a NamedTuple of its numbers' if name != 'act' else 'one'}"
            )
    act = defined["act"]
    if not isinstance(act, ast.FunctionDef) or [one.arg for one in act.args.args] != ACT:
        raise refused(path, act, f"act({ARGUMENTS})")
    if constants["AFTER"] not in steps_of_day():
        wrong = unknown(f"{path}, AFTER", constants["AFTER"], steps_of_day())
        raise PanjError(f"{wrong}; run_day in sim/engine/day.py lists all, in order", key=wrong.key)
    stream = constants["STREAM"]
    if not isinstance(stream, int) or not STREAMS[0] <= stream <= STREAMS[1]:
        raise PanjError(f"{path}, STREAM: found {stream}, expected a number from {STREAMS[0]} to {STREAMS[1]}")
    return str(constants["AFTER"]), stream


def refused(path: Path, node: ast.AST, expected: str) -> PanjError:
    """Return the error for a part of the code, with a line number, that is not allowed in a rule."""
    code = " ".join(ast.unparse(node).split())[:60]
    line = node.lineno  # type: ignore[attr-defined]  # which only the module as a whole lacks
    return PanjError(f"{path} line {line}: found '{code}', expected {expected}", key=str(path))


def check_imports(path: Path, tree: ast.Module) -> None:
    """Raise PanjError if a rule imports or calls anything that could reach outside the world of a campaign."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            origins = {node.module} if isinstance(node, ast.ImportFrom) else {one.name for one in node.names}
            if not origins <= {*IMPORTED}:
                raise refused(path, node, f"imports from {', '.join(IMPORTED)} only")
        if isinstance(node, ast.Name) and node.id in FORBIDDEN:
            raise refused(path, node, "a rule that only reads and writes the world")
        if isinstance(node, ast.Global | ast.Nonlocal):
            raise refused(path, node, "state in the arrays of the world only")


def check_draws(path: Path, tree: ast.Module, own: int) -> None:
    """Raise PanjError if a rule may draw from a stream other than its own."""
    draws = {
        one.asname or one.name
        for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "sim.engine.chance"
        for one in node.names if one.name in DRAWS
    }  # fmt: skip
    expected = "draws from its own stream only, such as uniform(today.luck, STREAM, units.identity[unit])"
    called: list[ast.expr] = []
    at_top = [node for one in tree.body if isinstance(one, ast.Assign) for node in one.targets]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and name_of(node.func) in {*draws, *DRAWS}:
            called.append(node.func)
            named = [one.value for one in node.keywords if one.arg == "stream"]
            stream = next(iter([*named, *node.args[1:2]]), None)
            if stream is None or ast.unparse(stream) not in ("STREAM", str(own)):
                raise refused(path, node, expected)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            is_other_use = node.id in draws and node not in called
            is_rebound = node.id == "STREAM" and isinstance(node.ctx, ast.Store) and node not in at_top
            is_wrong = is_other_use or is_rebound
        elif isinstance(node, ast.arg):
            is_wrong = node.arg == "STREAM"
        else:
            is_wrong = isinstance(node, ast.Attribute) and node.attr == "keys"  # the hashed seeds of all streams
        if is_wrong:
            raise refused(path, node, expected)


def name_of(function: ast.expr) -> str:
    """Return the last part of the name of a called function or method; empty if it has no name."""
    return getattr(function, "id", getattr(function, "attr", ""))


def check_writes(path: Path, tree: ast.Module) -> None:
    """Raise PanjError if a rule writes to a trait that is not in `WRITES`, or lists a trait that no rule may write."""
    writes = next(ast.literal_eval(node.value) for node in tree.body if is_writes(node))  # type: ignore[attr-defined]
    if not isinstance(writes, tuple | list) or not all(isinstance(one, str) and one.count(".") == 1 for one in writes):
        raise PanjError(f"{path}, WRITES: found {writes!r}, expected traits such as ('units.morale',)")
    for one in writes:
        if one.split(".")[0] not in WRITABLE:
            raise unknown(f"{path}, WRITES", one.split(".")[0], WRITABLE)
    given = [(node, *pair) for node in ast.walk(tree) for pair in names_given(node)]
    arrays = {name for _, name, value in given if value.split(".")[-2] in WRITABLE}
    for node, name, value in given:
        if name in WRITABLE and value.split(".")[-1] != name:
            raise refused(path, node, f"the name {name} for no other group")
    for node in ast.walk(tree):
        is_whole = isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and node.target.id in arrays
        if is_whole or (isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del)):
            raise refused(path, node, "rows of a trait to be written, such as units.morale[unit] = 0.5")
        written = array_written(node)
        if written is not None and ".".join(ast.unparse(written).split(".")[-2:]) not in writes:
            raise refused(path, node, f"only traits listed in WRITES ({', '.join(writes) or 'nothing'})")
    for node in ast.walk(tree):
        missing = sorted(writes_of(node) - {*writes}) if isinstance(node, ast.Call) else []
        if missing:
            raise refused(path, node, f"{', '.join(missing)} in WRITES as well, since this call writes to them")


def check_attributes(path: Path, tree: ast.Module) -> None:
    """Raise PanjError if a rule reads a number, group, trait or member of an enumeration that does not exist."""
    fields = fields_of(engine_tree("world")) | fields_of(tree)
    imported = {
        one.asname or one.name: one.name for node in tree.body if isinstance(node, ast.ImportFrom) for one in node.names
    }
    for function in [node for node in tree.body if isinstance(node, ast.FunctionDef)]:
        kinds = imported | {one.arg: ast.unparse(one.annotation) for one in function.args.args if one.annotation}
        if function.name == "act":
            kinds |= dict(zip(ACT, ("Land", "Armies", "Border", path.stem.capitalize(), "Today"), strict=True))
        pairs = [pair for node in ast.walk(function) for pair in names_given(node)]
        times = Counter(
            node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        )
        given = {name: value for name, value in pairs if pairs.count((name, value)) == times[name]}
        kinds = {name: kind for name, kind in kinds.items() if name in given or not times[name]}
        for node in ast.walk(function):
            if isinstance(node, ast.Attribute):
                kind = kind_of(node.value, kinds, given, fields)
                if kind in fields and node.attr not in fields[kind]:
                    place = f"{path} line {node.lineno}, {ast.unparse(node)}"
                    raise PanjError(str(unknown(place, node.attr, fields[kind])), key=str(path))


def check_calls(path: Path, tree: ast.Module) -> None:
    """Raise PanjError if a rule calls one of its own functions, or one of the engine, with wrong arguments."""
    functions = functions_in(tree)
    for line in tree.body:
        if isinstance(line, ast.ImportFrom) and (line.module or "").startswith("sim.engine."):
            of_module = functions_in(engine_tree(str(line.module).rpartition(".")[2]))
            functions |= {one.asname or one.name: of_module[one.name] for one in line.names if one.name in of_module}
    stored = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or name_of(node.func) != ast.unparse(node.func):
            continue
        is_unpacked = any(isinstance(one, ast.Starred) for one in node.args) or any(
            not one.arg for one in node.keywords
        )
        name = name_of(node.func)
        if name in functions.keys() - stored and not is_unpacked:
            parameters = functions[name].args
            try:
                signature_of(parameters).bind(*node.args, **{str(one.arg): one.value for one in node.keywords})
            except TypeError:
                raise refused(path, node, f"{name}({ast.unparse(parameters)})") from None


def functions_in(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    """Return the functions of a module, by name."""
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def signature_of(parameters: ast.arguments) -> Signature:
    """Return the signature of a function from its syntax tree, without annotations and the values of defaults."""
    named = [Parameter.POSITIONAL_OR_KEYWORD for _ in parameters.args]
    kinds = [*(Parameter.POSITIONAL_ONLY for _ in parameters.posonlyargs), *named]
    required = len(kinds) - len(parameters.defaults)
    found = [
        Parameter(one.arg, kind, default=Parameter.empty if place < required else ...)
        for place, (one, kind) in enumerate(zip([*parameters.posonlyargs, *parameters.args], kinds, strict=True))
    ]
    if parameters.vararg:
        found.append(Parameter(parameters.vararg.arg, Parameter.VAR_POSITIONAL))
    for one, default in zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True):
        found.append(Parameter(one.arg, Parameter.KEYWORD_ONLY, default=Parameter.empty if default is None else ...))
    if parameters.kwarg:
        found.append(Parameter(parameters.kwarg.arg, Parameter.VAR_KEYWORD))
    return Signature(found)


def fields_of(tree: ast.Module) -> dict[str, dict[str, str]]:
    """Return the fields of each NamedTuple in a module, with their types, and the members of each enumeration."""
    found: dict[str, dict[str, str]] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and [ast.unparse(base) for base in node.bases] == ["NamedTuple"]:
            rows = [row for row in node.body if isinstance(row, ast.AnnAssign)]
            found[node.name] = {ast.unparse(row.target): ast.unparse(row.annotation) for row in rows}
        elif isinstance(node, ast.ClassDef):
            found[node.name] = {ast.unparse(row.targets[0]): "" for row in node.body if isinstance(row, ast.Assign)}
    return found


def kind_of(node: ast.expr, kinds: Mapping[str, str], given: Mapping[str, str], fields: Mapping[str, Any]) -> str:
    """Return the class of a name or attribute, such as `Units` for `armies.units`; empty if it is not known.

    Args:
        node: The name or attribute.
        kinds: Classes of names: imports and parameters.
        given: Attributes that are the only values of names, as in `units = armies.units`.
        fields: Types of the fields of each class.
    """
    if isinstance(node, ast.Attribute):
        return str(fields.get(kind_of(node.value, kinds, given, fields), {}).get(node.attr, ""))
    name = node.id if isinstance(node, ast.Name) else ""
    if name in given:
        others = {other: value for other, value in given.items() if other != name}
        return kind_of(ast.parse(given[name], mode="eval").body, kinds, others, fields)
    return kinds.get(name, "")


def writes_of(call: ast.Call) -> set[str]:
    """Return the traits that a called function of `sim.engine.bookkeeping` writes to; none for any other function."""
    functions = dict(bookkeeping())
    found: set[str] = set()
    waiting = [name_of(call.func)]
    while waiting:
        for node in ast.walk(functions.pop(waiting.pop(), ast.Pass())):
            if isinstance(node, ast.Call):
                waiting.append(name_of(node.func))
            written = array_written(node)
            if written is not None and ast.unparse(written).split(".")[0] in WRITABLE:
                found.add(ast.unparse(written))
    return found


@cache
def bookkeeping() -> Mapping[str, ast.FunctionDef]:
    """Return the syntax trees of the functions of `sim.engine.bookkeeping`, by name."""
    return functions_in(engine_tree("bookkeeping"))


def array_written(node: ast.AST) -> ast.expr | None:
    """Return the array whose rows a part of the code may change: by a subscript or a method; None if there is none."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
        return node.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        is_function = ast.unparse(node.func.value).split(".")[0] in ("math", "sim", "typing")
        return None if is_function or node.func.attr in READING else node.func.value
    return None


def names_given(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield each name that an assignment gives to an attribute, with the attribute, as in `men = units.men`."""
    if not isinstance(node, ast.Assign):
        return
    for target in node.targets:
        is_tuple = isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
        pairs = zip(target.elts, node.value.elts, strict=False) if is_tuple else [(target, node.value)]  # type: ignore[attr-defined]
        for name, value in pairs:
            if isinstance(name, ast.Name) and isinstance(value, ast.Attribute):
                yield name.id, ast.unparse(value)


def is_writes(node: ast.stmt) -> bool:
    """Return whether a statement assigns `WRITES`."""
    return isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "WRITES"


@cache
def engine_source(name: str) -> tuple[str, str]:
    """Return the path and source of a module of the engine, such as `day`, without importing it."""
    path = Path(__file__).parent.parent / "engine" / f"{name}.py"
    return str(path), path.read_text(encoding="utf-8")


def engine_tree(name: str) -> ast.Module:
    """Return a new syntax tree of a module of the engine."""
    path, source = engine_source(name)
    return ast.parse(source, path)


def part(tree: ast.Module, name: str) -> Any:
    """Return the class or function with a given name in a module."""
    return next(node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name)


def fields_of_rules() -> list[str]:
    """Return the names of the rules of Panj."""
    body = part(engine_tree("day"), RULES).body
    return [node.target.id for node in body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)]


def steps_of_day() -> list[str]:
    """Return the names of the steps of a day, in order."""
    return [name for name in map(called, part(engine_tree("day"), STEPS).body) if name]


def called(node: ast.stmt) -> str:
    """Return the name of the function that a statement calls; empty for any other statement."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Name):
        return node.value.func.id
    return ""


def extended_day(rules: Sequence[OwnRule]) -> ast.Module:
    """Return the module `sim.engine.day` with the user's rules: imports, fields of `Rules`, and calls."""
    tree = engine_tree("day")
    fields, steps = part(tree, RULES).body, part(tree, STEPS).body
    for rule in reversed(rules):  # so that of two rules after the same step, the first one listed runs first
        alias, act = rule.kind, f"act_{rule.name}"
        lines = f"from {PACKAGE}.{rule.name} import {alias}, act as {act}"
        tree.body[1:1] = ast.parse(lines).body
        at = max(place for place, node in enumerate(steps) if called(node) == rule.after)
        steps[at + 1 : at + 1] = ast.parse(f"{act}(land, armies, border, rules.{rule.name}, today)").body
    for rule in rules:
        fields += ast.parse(f"{rule.name}: {rule.kind}").body
    return ast.fix_missing_locations(tree)


class DayLoader(SourceFileLoader):
    """Loader of `sim.engine.day` that adds the user's rules."""

    def get_code(self, fullname: str) -> Any:
        """Return the code of the extended module, which is not stored as bytecode."""
        return compile(extended_day(own_rules()), self.path, "exec", dont_inherit=True)


class Finder(MetaPathFinder):
    """Finder of the extended `sim.engine.day` and of the modules of the user's rules."""

    def find_spec(self, fullname: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return the spec of one of these modules, or None for any other."""
        if fullname == DAY and own_rules():
            found = PathFinder.find_spec(fullname, path)
            return spec_from_file_location(fullname, found.origin, loader=DayLoader(fullname, str(found.origin)))  # type: ignore[union-attr]
        if fullname == PACKAGE:
            return ModuleSpec(PACKAGE, None, is_package=True)
        if fullname.startswith(f"{PACKAGE}."):
            rule = next((one for one in own_rules() if f"{PACKAGE}.{one.name}" == fullname), None)
            return None if rule is None else spec_from_file_location(fullname, rule.path)
        return None


def install() -> None:
    """Make the user's rules importable; called once, when the engine is imported."""
    if not any(isinstance(one, Finder) for one in sys.meta_path):
        sys.meta_path.insert(0, Finder())


def read_sources(paths: Iterable[Path]) -> list[str]:
    """Return the text of the engine's source files, followed by that of the user's rules."""
    return meaning.read_sources([*paths, *(rule.path for rule in own_rules())]) + [
        repr((rule.name, rule.after)) for rule in own_rules()
    ]


def numbers_files() -> Mapping[str, Path]:
    """Return the YAML files with the numbers of the user's rules, keyed by rule."""
    return {rule.name: rule.numbers for rule in own_rules()}


install()
