"""Every Python block in the README and in the documentation runs, page by page."""

import re
from pathlib import Path

import pytest
import torch

# Small networks gain nothing from a second thread, and wait long for it on a busy machine.
torch.set_num_threads(1)

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_there_is_code_to_run() -> None:
    with_code = [page.name for page in PAGES if BLOCK.search(page.read_text())]

    assert {"README.md", "index.md", "quickstart.md", "how-to-choose.md"} <= set(with_code)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_code_on_a_page_runs_from_top_to_bottom(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = page.read_text()
    namespace: dict[str, object] = {"__name__": page.stem}
    for block in BLOCK.finditer(text):
        # Blank lines in front, so that a traceback shows the page's own line.
        before = "\n" * (text[: block.start()].count("\n") + 1)
        exec(compile(before + block[1], page, "exec"), namespace)  # noqa: S102 - our own pages
