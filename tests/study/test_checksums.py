"""Every Parquet file that is written has checksums of its pages, and every one that is read is checked against them."""

import ast
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sim
from sim.errors import PanjError
from sim.story.chronicle import read_table

CHECKED = {  # option by function of pyarrow.parquet
    "write_table": "write_page_checksum", "ParquetWriter": "write_page_checksum",
    "read_table": "page_checksum_verification", "ParquetFile": "page_checksum_verification",
}  # fmt: skip


def calls() -> list[tuple[str, str, set[str | None]]]:
    """Return the place, the function and the options of every call of a function in `CHECKED`."""
    found = []
    for path in sorted(Path(sim.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            module = node.func.value
            if isinstance(module, ast.Name) and module.id == "pq" and node.func.attr in CHECKED:
                options = {keyword.arg for keyword in node.keywords}
                found.append((f"{path.name}:{node.lineno}", node.func.attr, options))
    return found


def test_every_parquet_file_is_written_and_read_with_checksums() -> None:
    found = calls()
    assert len(found) > 10
    assert [(place, name) for place, name, options in found if CHECKED[name] not in options] == []


def test_a_flipped_bit_in_the_log_of_a_story_is_refused(tmp_path: Path) -> None:
    path, numbers = tmp_path / "events.parquet", list(range(2000))
    pq.write_table(
        pa.table({"seed": numbers}), path, write_page_checksum=True, compression="none", use_dictionary=False
    )
    content = path.read_bytes()
    for place in range(200, 12_000, 700):
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        with pytest.raises(PanjError) as raised:
            read_table(path, "")
        assert str(path) in str(raised.value)
    path.write_bytes(content)
    assert read_table(path, "")["seed"].to_pylist() == numbers
