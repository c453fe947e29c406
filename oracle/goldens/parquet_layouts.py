"""Writes one column of images with the writers, codecs and kinds of pages that datasets on the hub have.

Usage: python -m oracle.goldens.parquet_layouts FOLDER

Packages: pyarrow==26.0.1 datasets==4.8.5
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

NAME = "observation.images.top"
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def table(missing: bool = False) -> pa.Table:
    """Thirty values from 0 to 1.5 kB with a common start, every third one equal to an earlier one."""
    random = np.random.default_rng(0)
    values = [b"the start of each value" + random.bytes(50 * row) for row in range(30)]
    values = [values[row // 2] if row % 3 == 2 else value for row, value in enumerate(values)]
    rows = [{"bytes": value, "path": f"frame-{row:06d}.png"} for row, value in enumerate(values)]
    if missing:
        rows[7] = {"bytes": None, "path": "frame-000007.png"}
    return pa.table({NAME: pa.array(rows, IMAGE), "index": pa.array(range(30))})


def nulls() -> pa.Table:
    """Twenty rows of several types; each column lacks one value, in the second or third row group of eight rows."""
    numbers = [None if row == 13 else row for row in range(20)]
    reals = [None if row == 17 else row / 2 for row in range(20)]
    states = [[row, 1.0, None if row == 10 else 2.0] for row in range(20)]
    lists = [None if row == 18 else [float(row)] * (row % 3) for row in range(20)]
    words = [None if row == 19 else f"row {row}" for row in range(20)]
    nested = [[[1.0], [None if row == 9 else 2.0, 3.0]] for row in range(20)]
    return pa.table(
        {
            "number": pa.array(numbers, pa.int64()),
            "real": pa.array(reals, pa.float32()),
            "state": pa.array(states, pa.list_(pa.float32(), 3)),
            "list": pa.array(lists, pa.list_(pa.float64())),
            "word": pa.array(words, pa.string()),
            "nested": pa.array(nested, pa.list_(pa.list_(pa.float64()))),
        }
    )


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    # What LeRobot's conversion of version 2.1 does, and what its merging of datasets does.
    table().to_pandas().to_parquet(folder / "pandas.parquet", index=False, schema=table().schema)
    features = datasets.Features({NAME: datasets.Image(), "index": datasets.Value("int64")})
    datasets.Dataset(table().cast(features.arrow_schema)).to_parquet(folder / "datasets.parquet")
    for name, missing, arguments in (
        ("row_groups", False, {"row_group_size": 8}),
        ("pages", False, {"use_dictionary": False, "data_page_size": 2000, "write_batch_size": 4}),
        ("pages_of_dictionary", False, {"data_page_size": 8, "write_batch_size": 4}),
        ("pages_uncompressed", False, {"compression": "none", "data_page_size": 2000, "write_batch_size": 4}),
        ("missing", True, {}),
        ("zstd", False, {"compression": "zstd"}),
        ("pages_version2", False, {"data_page_version": "2.0"}),
        ("deltas", False, {"use_dictionary": False, "column_encoding": {f"{NAME}.bytes": "DELTA_BYTE_ARRAY"}}),
    ):
        pq.write_table(table(missing), folder / f"{name}.parquet", **arguments)
    pq.write_table(nulls(), folder / "nulls.parquet", row_group_size=8)
    size = sum(file.stat().st_size for file in folder.glob("*.parquet"))
    print(f"{len(list(folder.glob('*.parquet')))} files, {size / 1000:.0f} kB in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
