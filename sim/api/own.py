"""Use the folder of a user's own files in the Python interface, as the command line does."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from sim.api.notebooks import warn
from sim.data.own import own_folder, recorded_folder, using
from sim.errors import PanjError, described

if TYPE_CHECKING:
    from sim.api.study import Study

Arguments = ParamSpec("Arguments")
Value = TypeVar("Value")


def own_files(config_dir: Path | str | None, study: Path | None = None) -> AbstractContextManager[Path | None]:
    """Use a folder of own files within a block.

    Args:
        config_dir: The folder; by default, the one with which the study was made or, without a study, that of the
            environment variable, or the current folder or one of its parents.
        study: Folder of a study, or None.

    Returns:
        A context manager that yields the folder, or None if there is none.

    Raises:
        PanjError: The folder has no `panj.yaml`, or its layout is invalid.
    """
    if config_dir is not None:
        return using(path_given("config_dir", config_dir))
    if study is None or not (study / "about.json").is_file():
        return using(own_folder())
    from sim.study.reader import read_about

    folder, note = recorded_folder(read_about(study), study)
    if note:
        warn(note)
    return using(folder)


def path_given(key: str, value: object, expected: str = "a path") -> Path:
    """Convert a path or text to a path; for anything else, raise a PanjError that names the argument `key`."""
    if isinstance(value, Path | str):
        return Path(value).expanduser()
    raise PanjError(f"{key}: found {described(value)}, expected {expected}", key=key)


def with_its_files(
    method: Callable[Concatenate["Study", Arguments], Value],
) -> Callable[Concatenate["Study", Arguments], Value]:
    """Decorate a method of a study so that it uses the folder of own files with which the study was made."""

    @wraps(method)
    def with_files(study: "Study", /, *arguments: Arguments.args, **keywords: Arguments.kwargs) -> Value:
        with own_files(study.config_dir, study.folder):
            return method(study, *arguments, **keywords)

    return with_files


def split_off(keywords: dict[str, Any]) -> Path | str | None:
    """Remove `config_dir` from a mapping of keywords and return its value, or None if it is absent."""
    folder: Path | str | None = keywords.pop("config_dir", None)
    return folder
