"""Where the YAML files of Panj are, in a clone and in a wheel, and how they are read."""

from pathlib import Path
from typing import Any

import yaml

from sim.errors import PanjError

PACKAGE = Path(__file__).parent.parent
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same, in C where it was built: ten times as quick


def folder_of(name: str) -> Path:
    """`configs` or `scenarios`: beside the package in a clone, inside it in a wheel."""
    beside = PACKAGE.parent / name
    return beside if (beside / "..").resolve() == PACKAGE.parent and beside.is_dir() else PACKAGE / name


def folder_of_group(group: str) -> Path:
    """Where the YAML files of a config group lie; scenarios have a folder of their own."""
    return folder_of("scenarios" if group == "scenario" else "configs") / group


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; PanjError when it is missing, damaged or no mapping."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), LOADER)
    except OSError as error:
        raise PanjError(f"{path}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PanjError(f"{path}: found something that is not YAML ({' '.join(str(error).split())})") from error
    if not isinstance(content, dict):
        raise PanjError(f"{path}: found {type(content).__name__}, expected names with values")
    return content
