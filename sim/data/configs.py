"""Locates and reads the YAML files of Panj, in a clone and in a wheel."""

from pathlib import Path
from typing import Any

import yaml

from sim.errors import PanjError

PACKAGE = Path(__file__).parent.parent


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # C, where available: ten times faster
    """Loads plain values and refuses a key that is given twice, of which YAML would keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping of a node; raises ConstructorError for a doubled key."""
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"found '{key.value}' twice", key.start_mark)
                seen.add((key.tag, key.value))
        return dict(super().construct_mapping(node, deep=deep))


def folder_of(name: str) -> Path:
    """Folder `configs` or `scenarios`: next to the package in a clone, inside it in a wheel."""
    in_clone = PACKAGE.parent / name
    return in_clone if (in_clone / "..").resolve() == PACKAGE.parent and in_clone.is_dir() else PACKAGE / name


def folder_of_group(group: str) -> Path:
    """Folder of the YAML files of a config group; scenarios have a folder of their own."""
    return folder_of("scenarios" if group == "scenario" else "configs") / group


def read_text(path: Path) -> str:
    """The text of a configuration file, with or without a byte order mark.

    Raises:
        PanjError: when the file cannot be read or is not UTF-8; the key is the path.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise PanjError(f"{path}: cannot be read ({error.strerror})", key=str(path)) from error
    except UnicodeDecodeError as error:
        raise PanjError(
            f"{path}: found a byte at offset {error.start} that is not UTF-8, expected a UTF-8 file",
            key=str(path),
        ) from error


def not_yaml(path: Path, error: Exception) -> PanjError:
    """An error for a file that a parser of YAML refused."""
    why = " ".join(str(error).split())
    return PanjError(f"{path}: found something that is not YAML ({why})", key=str(path))


def read_yaml(path: Path) -> dict[str, Any]:
    """Read the mapping in a YAML file.

    Raises:
        PanjError: when the file is missing, damaged, not a mapping or has a key twice; the key is the path.
    """
    try:
        content = yaml.load(read_text(path), Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, PanjError):
            raise
        raise not_yaml(path, error) from error
    if not isinstance(content, dict):
        raise PanjError(f"{path}: found {type(content).__name__}, expected names with values", key=str(path))
    return content
