"""Locates and reads the YAML files of Panj, in a clone and in a wheel."""

from pathlib import Path
from typing import Any

import yaml

from sim.errors import PanjError

PACKAGE = Path(__file__).parent.parent
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C loader, where available, is ten times faster


def folder_of(name: str) -> Path:
    """Folder `configs` or `scenarios`: next to the package in a clone, inside it in a wheel."""
    in_clone = PACKAGE.parent / name
    return in_clone if (in_clone / "..").resolve() == PACKAGE.parent and in_clone.is_dir() else PACKAGE / name


def folder_of_group(group: str) -> Path:
    """Folder of the YAML files of a config group; scenarios have a folder of their own."""
    return folder_of("scenarios" if group == "scenario" else "configs") / group


def read_yaml(path: Path) -> dict[str, Any]:
    """Read the mapping in a YAML file.

    Raises:
        PanjError: when the file is missing, damaged or not a mapping; the key is the path.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), LOADER)
    except OSError as error:
        raise PanjError(f"{path}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PanjError(f"{path}: found something that is not YAML ({' '.join(str(error).split())})") from error
    if not isinstance(content, dict):
        raise PanjError(f"{path}: found {type(content).__name__}, expected names with values")
    return content
