"""Write a folder for the user's own files, with working examples: `panj init my_study`."""

import shutil
from pathlib import Path

from sim.data.configs import PACKAGE
from sim.data.own import DATA, MARKER, REPLACED, SHIPPED, nearest_folder
from sim.errors import PanjError

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
            folder cannot be written. No files remain after an error.
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
    written: list[Path] = []
    try:
        for name in sorted(sources, key=lambda one: one.name == MARKER):  # the marker is written last
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            written.append(path)
            shutil.copyfile(sources[name], path)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise PanjError(f"init: found that {folder} cannot be written ({error.strerror}), expected a folder") from error
    return sorted(written)
