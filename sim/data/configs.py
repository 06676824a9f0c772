"""Read Panj's YAML files, in a clone and in an installed wheel."""

import sys
from pathlib import Path
from typing import Any

import yaml

from sim.errors import MOST_SHOWN, PanjError, described, shortened
from sim.provenance import PACKAGE

GROUPS = ("morale", "capacity", "reinforcement", "border", "mobilisation", "air_support", "taliban", "theory")

# YAML types of a text key; unquoted `null`, `on` and `1` have other types
KEYS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge")
DATE = "tag:yaml.org,2002:timestamp"
INTEGER = "tag:yaml.org,2002:int"
MOST_VALUES = 50_000  # largest number of values in a YAML file, with all aliases expanded


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the C loader is ten times faster
    """YAML loader that accepts only plain values, and rejects keys that occur twice or are not read as text."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping that a node describes, or raise ConstructorError if a key occurs twice or is not text."""
        seen = set()
        for key, value in node.value if isinstance(node, yaml.MappingNode) else ():  # any other is refused below
            if isinstance(key, yaml.ScalarNode):
                if key.tag not in KEYS:
                    problem = f"found '{key.value}' as a name, which is not text; put it in quotes"
                    raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                if (key.tag, key.value) in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"found '{key.value}' twice", key.start_mark)
                seen.add((key.tag, key.value))
                for one in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    self.check_date(key.value, one)
        return dict(super().construct_mapping(node, deep=deep))

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Return the value of a node, or raise ConstructorError if it has none or cannot be written out again.

        The constructors of PyYAML raise errors of many types, such as KeyError for `!!bool abc`. An integer with more
        digits than Python converts to text would raise an error only later, in a message or a table.
        """
        try:
            value = super().construct_object(node, deep=deep)
            if isinstance(value, int):
                str(value)
        except (yaml.YAMLError, RecursionError, MemoryError):
            raise
        except Exception as error:
            problem = f"found '{shown_value(node)}', {expected_value(node, error)}"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from None
        return value

    def check_date(self, key: str, node: yaml.Node) -> None:
        """Raise ConstructorError, with the key and the place, if a value is a date that does not exist."""
        if node.tag == DATE:
            try:
                self.construct_object(node)
            except yaml.constructor.ConstructorError as error:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key}: {error.problem}", error.problem_mark
                ) from None


def shown_value(node: yaml.Node) -> str:
    """Return the text of a scalar, without its middle if it is long; empty for any other node."""
    return shortened(node.value, MOST_SHOWN) if isinstance(node, yaml.ScalarNode) else ""


def expected_value(node: yaml.Node, error: Exception) -> str:
    """Return what was expected instead of a scalar that cannot be converted to the type of its tag."""
    if node.tag == DATE:
        return f"expected a date ({error})" if isinstance(error, ValueError | OverflowError) else "expected a date"
    if node.tag == INTEGER:
        return f"expected an integer of at most {sys.get_int_max_str_digits():,} digits"
    return f"expected a value of type {node.tag.rpartition(':')[2]}"


def folder_of(name: str) -> Path:
    """Return the path of a configuration folder: inside the package in a wheel, next to the package in a clone.

    The folder inside the package comes first, since a folder next to an installed package belongs to another package.

    Args:
        name: Name of the folder, `configs` or `scenarios`.
    """
    # the last place is for a symbolic link to the package
    places = (PACKAGE / name, PACKAGE.parent / name, PACKAGE.resolve().parent / name)
    return next((place for place in places if place.is_dir()), places[1])


def folder_of_group(group: str) -> Path:
    """Return the folder with the YAML files of a group of choices, such as `border` or `scenario`."""
    return folder_of("scenarios" if group == "scenario" else "configs") / group


def read_text(path: Path) -> str:
    """Return the text of a configuration file, without a byte order mark.

    Args:
        path: Path of the YAML file.

    Raises:
        PanjError: If the file cannot be read or is not UTF-8; the key of the error is the path.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise PanjError(
            f"{path}: found no readable file ({error.strerror}), expected a YAML file", key=str(path)
        ) from error
    except UnicodeDecodeError as error:
        raise PanjError(
            f"{path}: found a byte at offset {error.start} that is not UTF-8, expected a UTF-8 file",
            key=str(path),
        ) from error


def is_blank(path: Path) -> bool:
    """Return whether all lines of a configuration file are empty or comments; raise PanjError if it cannot be read."""
    return all(not line.strip() or line.lstrip().startswith("#") for line in read_text(path).splitlines())


def not_yaml(path: Path, error: Exception) -> PanjError:
    """Return the error for a file that is not valid YAML.

    Args:
        path: Path of the file, which is also the key of the error.
        error: The error that the YAML parser raised.
    """
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    why = f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark and problem else str(error)
    if "'\\t'" in why or "start any token" in why:
        why += "; a tab or another character that YAML does not allow, expected spaces"
    why = " ".join(why.split())
    return PanjError(f"{path}: found invalid YAML ({why}), expected a mapping of names to values", key=str(path))


def load(text: str) -> Any:
    """Return the content of a YAML text.

    Raises:
        yaml.YAMLError: If the text is not valid YAML, has a duplicate key, or has an alias (`*name`) that contains
            itself or with which the content would become huge.
    """
    loader = Loader(text)
    try:
        node = loader.get_single_node()
        if "*" in text:
            check_aliases(node, {}, set())
        return None if node is None else loader.construct_document(node)
    finally:
        loader.dispose()


def check_aliases(node: yaml.Node | None, sizes: dict[int, int], above: set[int]) -> int:
    """Return the number of values in a node with all aliases expanded, or raise ConstructorError if it is too large.

    Args:
        node: The node.
        sizes: Number of values of each node that has been counted, by `id`.
        above: The `id` of each node that contains this one.
    """
    if not isinstance(node, yaml.CollectionNode) or id(node) in sizes:
        return sizes.get(id(node), 1)
    if id(node) in above:
        problem = "found an alias (*) that contains itself"
        raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
    inside = [one for pair in node.value for one in pair] if isinstance(node, yaml.MappingNode) else node.value
    sizes[id(node)] = 1 + sum(check_aliases(one, sizes, above | {id(node)}) for one in inside)
    if sizes[id(node)] > MOST_VALUES:
        problem = f"found more than {MOST_VALUES} values, with aliases (*) expanded"
        raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
    return sizes[id(node)]


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file.

    Args:
        path: Path of the YAML file.

    Raises:
        PanjError: If the file is missing, is not valid YAML, is not a mapping or has a duplicate key; the key of the
            error is the path.
    """
    try:
        content = load(read_text(path))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, PanjError):
            raise
        raise not_yaml(path, error) from error
    if not isinstance(content, dict):
        found = "nothing" if content is None else described(content)
        raise PanjError(f"{path}: found {found}, expected a mapping of names to values", key=str(path))
    return content
