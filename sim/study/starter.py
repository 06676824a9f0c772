"""Write a folder for the user's own files, with working examples: `panj init my_study`."""

from contextlib import suppress
from pathlib import Path

from sim.data.configs import PACKAGE
from sim.data.own import DATA, MARKER, REPLACED, SHIPPED, nearest_folder
from sim.errors import PanjError
from sim.study.files import no_empty_folders, write_errors, write_file

STARTER = PACKAGE / "starter"  # folder of the examples
BYTECODE = "__pycache__"  # folder that an installer adds, with the compiled example rule
NOTHING_KEPT = "nothing was written"  # after an error, since an incomplete folder is removed


def write_starter(folder: Path, tables: bool = False) -> list[Path]:
    """Write the examples to a folder, which is created if necessary; no existing file is overwritten.

    A killed call leaves some of the files. The same call then writes the others, with `panj.yaml` last as always.

    Args:
        folder: The folder.
        tables: Whether to write copies of the tables of districts, places and posts as well.

    Returns:
        The files, in alphabetical order.

    Raises:
        PanjError: If the folder or one of its parents is already such a folder, if the folder is the root of a disk or
            the home folder or contains the home folder, if one of the files exists with other content, or if the folder
            cannot be written. After an error, no file and no new folder remains that this call has written.
    """
    refuse_shared(folder)
    above = nearest_folder(folder.resolve())
    if above is not None:
        raise PanjError(
            f"init: found {above / MARKER}, expected a folder that is not inside another folder of your own files"
        )
    files = (path for path in sorted(STARTER.rglob("*")) if path.is_file())
    sources = {path.relative_to(STARTER): path for path in files if path.parent.name != BYTECODE}
    if tables:
        sources |= {Path(DATA) / name: SHIPPED / name for name in REPLACED}
    for name, source in sources.items():
        if (folder / name).exists() and not is_copy(folder / name, source):
            raise PanjError(
                f"init: found {folder / name}, expected no file of this name, since files are not overwritten"
            )
    missing = [name for name in sources if not (folder / name).exists()]
    paths = [folder / name for name in sorted(missing, key=lambda one: one.name == MARKER)]  # the marker is last
    with write_errors(folder, "init", NOTHING_KEPT), no_empty_folders(*(path.parent for path in paths)):
        try:
            for path in paths:
                write_file(path, sources[path.relative_to(folder)].read_bytes())
        except BaseException:
            for path in paths:
                with suppress(OSError):
                    path.unlink()
            raise
    return sorted(folder / name for name in sources)


def refuse_shared(folder: Path) -> None:
    """Raise PanjError for a folder with other work inside: the root of a disk, the home folder, or one above it."""
    place = folder.resolve()
    homes = []
    with suppress(RuntimeError):  # the user has no home folder
        homes.append(Path.home().resolve())
    if place == place.parent or any(home.is_relative_to(place) for home in homes):
        raise PanjError(
            f"folder: found {place}, expected a folder of its own, such as my_study, since every command inside it "
            "would use its files",
            key="folder",
        )


def is_copy(path: Path, source: Path) -> bool:
    """Return whether a path is a file with the same bytes as another file."""
    return path.is_file() and path.read_bytes() == source.read_bytes()
