"""Examples/python.ipynb, cell by cell."""

from __future__ import annotations

import json
import unittest
from contextlib import chdir

import support


class NotebookTests(unittest.TestCase):
    def test_the_notebook_runs_from_its_first_cell_to_its_last(self):
        notebook = json.loads((support.ROOT / "Examples/python.ipynb").read_text())
        names: dict = {}
        with chdir(support.temporary_folder()):
            for cell in notebook["cells"]:
                if cell["cell_type"] == "code":
                    exec(compile("".join(cell["source"]), "python.ipynb", "exec"), names)
        self.assertEqual(names["latents"].shape, (6, 16))
        self.assertEqual(names["actions"].shape, (2, 2))
        self.assertTrue(names["refusal"])
        self.assertEqual(len(names["refusal"].splitlines()), 1)


if __name__ == "__main__":
    unittest.main()
