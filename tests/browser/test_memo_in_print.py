"""A memo prints on two pages of A4 and asks nothing of a network, whatever it has to show."""

import os
import re
import subprocess
import sys

import pytest

NIGHT = "outcome=troops_crossed_largest_night"
STUDIES = {
    "grid": ("-m", "reinforcement=as_reported,answer_every_call", "capacity=as_reported,triple_commandos",
             "morale=reported,paid_on_time"),
    "plain": (),
}  # fmt: skip


def panj(folder, *words):
    compiled = {key: value for key, value in os.environ.items() if key != "NUMBA_DISABLE_JIT"}
    subprocess.run([sys.executable, "-m", "sim", *words], cwd=folder, env=compiled, check=True, timeout=600)


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    folder = tmp_path_factory.mktemp("memo")
    for name, words in STUDIES.items():
        panj(folder, *words, "runs=4", "end_date=2021-07-08", "daily=false", f"study={name}")
    return folder


@pytest.mark.parametrize(
    ("name", "words"),
    [("grid", []), ("grid", ["above=1037"]), ("grid", ["above=1037", "baseline=reported"]), ("plain", ["above=1037"])],
)
def test_a_memo_prints_on_two_pages_and_asks_nothing_of_a_network(studies, browser, name, words):
    panj(studies, "memo", f"results/{name}", NIGHT, *words, "format=html")
    path = max((studies / "results" / name / "memo").glob("*.html"), key=lambda file: file.stat().st_mtime_ns)
    page, asked = browser.new_page(), []
    page.on("request", lambda one: asked.append(one.url))
    page.goto(path.as_uri())
    printed = page.pdf(prefer_css_page_size=True)
    page.close()
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 2
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
