"""Write a folder for the user's own files, with working examples: `panj init my_study`."""

from contextlib import suppress
from pathlib import Path

from sim.data.configs import PACKAGE
from sim.data.own import DATA, MARKER, REPLACED, SHIPPED, nearest_folder
from sim.errors import PanjError
from sim.study.files import write_errors, write_file

STARTER = PACKAGE / "starter"  # folder of the examples
BYTECODE = "__pycache__"  # folder that an installer adds, with the compiled example rule


def write_starter(folder: Path, tables: bool = False) -> list[Path]:
    """Write the examples to a folder, which is created if necessary; no existing file is overwritten.

    Args:
        folder: The folder.
        tables: Whether to write copies of the tables of districts, places and posts as well.

    Returns:
        The files, in alphabetical order.

    Raises:
        PanjError: If the folder or one of its parents is already such a folder, if one of the files exists, or if the
            folder cannot be written. After an error, no file and no new folder remains.
    """
    above = nearest_folder(folder.absolute())
    if above is not None:
        raise PanjError(
            f"init: found {above / MARKER}, expected a folder that is not inside another folder of your own files"
        )
    files = (path for path in sorted(STARTER.rglob("*")) if path.is_file())
    sources = {path.relative_to(STARTER): path for path in files if path.parent.name != BYTECODE}
    if tables:
        sources |= {Path(DATA) / name: SHIPPED / name for name in REPLACED}
    for name in sources:
        if (folder / name).exists():
            raise PanjError(
                f"init: found {folder / name}, expected no file of this name, since files are not overwritten"
            )
    paths = [folder / name for name in sorted(sources, key=lambda one: one.name == MARKER)]  # the marker is last
    fresh = {parent for path in paths for parent in path.parents if not parent.exists()}
    try:
        with write_errors(folder, "init"):
            for path in paths:
                write_file(path, sources[path.relative_to(folder)].read_bytes())
    except BaseException:
        for path in paths:
            with suppress(OSError):
                path.unlink()
        for parent in sorted(fresh, reverse=True):  # those inside others first
            with suppress(OSError):
                parent.rmdir()
        raise
    return sorted(paths)
