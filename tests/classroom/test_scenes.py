"""The classroom serves the file of scenes, which pages of the same server alone may show inside themselves."""

import asyncio
from types import SimpleNamespace

import pytest
from starlette.requests import Request

from sim.classroom import scenes as served
from sim.classroom.once import OnceCache
from sim.classroom.texts import texts_of
from sim.errors import PanjError

PAGE = (
    """<head><meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'sha256-x'"></head>"""
)


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """Return a list to which each writing of the page adds, and write a stand-in of the page."""
    asked = []
    path = tmp_path / "explorable.html"

    def write(request, _console):
        asked.append(request)
        path.write_text(PAGE, encoding="utf-8")
        return SimpleNamespace(path=path)

    monkeypatch.setattr(served, "write_explorable", write)
    monkeypatch.setattr(served, "pages", OnceCache(1))
    return asked


def get():
    return asyncio.run(served.scenes(Request({"type": "http", "query_string": b"", "headers": []})))


def test_the_page_is_written_once_and_served_with_its_own_policy(asked):
    first, second = get(), get()
    assert first.body == second.body == PAGE.encode() and len(asked) == 1
    assert first.headers["content-security-policy"].startswith("default-src 'none'; script-src 'sha256-x'")
    assert first.headers["content-security-policy"].endswith("frame-ancestors 'self'")
    assert first.headers["x-frame-options"] == "SAMEORIGIN"


def test_a_page_that_cannot_be_written_is_said_without_the_reason_and_tried_again(asked, monkeypatch):
    def fail(_request, _console):
        raise PanjError("study: found another process using results/explorable", key="study")

    with monkeypatch.context() as patch:
        patch.setattr(served, "write_explorable", fail)
        refused = get()
    assert refused.status_code == 503 and b"another process" not in refused.body
    assert refused.body.decode() == texts_of("shell").say("no_scenes")
    assert get().status_code == 200


def test_reported_figures_of_a_served_page_lead_to_their_evidence_and_its_campaigns_are_left_alone():
    data = '<template id="campaigns">F035</template><script>"F035"</script>'
    page = served.linked(f"<head>F035</head><main><p>more than 1,037 (F035)</p></main>{data}")
    assert page.count('href="evidence?id=F035"') == 1
    assert page.startswith("<head>F035</head>") and page.endswith(data)
