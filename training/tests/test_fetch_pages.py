"""Pages are fetched with leave, slowly, once, and never against a site's robots.txt. The site is a server of our own; nothing waits."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from training import fetch_pages
from training.datasets import BadData
from training.ingest_read import MOST_MEGABYTES

PAGE = b"<html><body><p><b>TOM</b><br>Good evening.</p></body></html>"
ROBOTS = b"User-agent: *\nDisallow: /private/\nCrawl-delay: 7\n"


class Site(BaseHTTPRequestHandler):
    asked: list[tuple[str, str, str | None]] = []
    robots: tuple[int, bytes] = (200, ROBOTS)

    def do_GET(self):
        self.asked.append((self.path, self.headers["User-Agent"], self.headers.get("If-None-Match")))
        status, body = {"/robots.txt": self.robots, "/huge.html": (200, b"x" * (MOST_MEGABYTES * 1_000_000 + 1))}.get(
            self.path, (200, PAGE)
        )
        if self.path == "/gone.html":
            status = 404
        if self.path == "/busy.html":
            status = 503
        if self.path != "/robots.txt" and self.headers.get("If-None-Match") == '"1"':
            status = 304
        self.send_response(status)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", "0" if status == 304 else str(len(body)))
        self.end_headers()
        if status != 304:
            self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def site(monkeypatch):
    monkeypatch.setattr(Site, "asked", [])
    monkeypatch.setattr(Site, "robots", (200, ROBOTS))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class Clock:
    """Passes only while somebody waits."""

    def __init__(self):
        self.now, self.waits = 0.0, []

    def sleep(self, seconds):
        self.waits.append(seconds)
        self.now += seconds


def fetcher(folder, clock, seconds=2.0):
    return fetch_pages.Fetcher(folder, "me@example.org", seconds, lambda: clock.now, clock.sleep)


def test_a_page_is_kept_and_asked_again_only_for_what_changed(site, tmp_path):
    clock = Clock()
    first = fetcher(tmp_path, clock).page(f"{site}/plays/pier.html")
    assert first.read_bytes() == PAGE and first.suffix == ".html" and "plays-pier" in first.name
    assert json.loads(first.with_suffix(".json").read_text())["url"] == f"{site}/plays/pier.html"
    assert fetcher(tmp_path, clock).page(f"{site}/plays/pier.html") == first
    assert [(path, known) for path, _, known in Site.asked if path != "/robots.txt"] == [
        ("/plays/pier.html", None),
        ("/plays/pier.html", '"1"'),
    ]
    assert first.read_bytes() == PAGE and not list(tmp_path.rglob("*.part"))


def test_it_says_who_asks(site, tmp_path):
    fetcher(tmp_path, Clock()).page(f"{site}/a.html")
    assert {agent for _, agent, _ in Site.asked} == {"TroupeScripts/1.0 (Troupe, a chat bot of one's own; +me@example.org)"}


def test_robots_txt_comes_first_once_and_is_obeyed(site, tmp_path):
    one = fetcher(tmp_path, Clock())
    with pytest.raises(BadData, match=r"/private/a\.html: the site's robots\.txt forbids it"):
        one.page(f"{site}/private/a.html")
    one.page(f"{site}/b.html")
    assert [path for path, *_ in Site.asked] == ["/robots.txt", "/b.html"]


def test_it_waits_its_turn_as_long_as_the_site_asks(site, tmp_path):
    clock = Clock()
    one = fetcher(tmp_path, clock)
    one.page(f"{site}/a.html")
    one.page(f"{site}/b.html")
    assert clock.waits == [7.0, 7.0]  # after robots.txt, after the first page


def test_its_own_pace_counts_where_the_site_asks_for_none(site, tmp_path):
    Site.robots = (404, b"")
    clock = Clock()
    fetcher(tmp_path, clock, 3.0).page(f"{site}/private/a.html")
    assert clock.waits == [3.0]


def test_a_site_whose_rules_cannot_be_read_is_left_alone(site, tmp_path):
    Site.robots = (503, b"")
    with pytest.raises(BadData, match=r"robots\.txt answered 503 .*; try again later"):
        fetcher(tmp_path, Clock()).page(f"{site}/a.html")
    assert [path for path, *_ in Site.asked] == ["/robots.txt"]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/gone.html", r"answered 404 .*; look at the address"),
        ("/busy.html", r"answered 503 .*; try again later"),
        ("/huge.html", rf"has more than {MOST_MEGABYTES} MB; nothing of it was kept"),
    ],
)
def test_what_cannot_be_had_leaves_nothing(site, tmp_path, path, says):
    with pytest.raises(BadData, match=says):
        fetcher(tmp_path, Clock()).page(site + path)
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]


@pytest.mark.parametrize("url", ["ftp://example.org/a", "plays/pier.html", "http://", "file:///etc/hosts"])
def test_what_is_no_address_is_refused(tmp_path, url):
    with pytest.raises(BadData, match="is no address of a page"):
        fetcher(tmp_path, Clock()).page(url)


def test_a_site_that_is_not_there_is_told(tmp_path):
    with pytest.raises(BadData, match=r"cannot be reached: .*; look at the address and at your network"):
        fetcher(tmp_path, Clock()).page("http://127.0.0.1:9/a.html")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ([], "then say so: --i-have-the-right-to-these-texts"),
        ([fetch_pages.CONSENT], "give an address of yours with --contact"),
        ([fetch_pages.CONSENT, "--contact", "me@example.org", "--seconds", "0.1"], "too fast for other people's servers"),
    ],
)
def test_nothing_is_asked_without_leave_a_name_and_patience(site, tmp_path, more, says):
    with pytest.raises(BadData, match=says):
        fetch_pages.main([f"{site}/a.html", "--out", str(tmp_path), *more])
    assert Site.asked == []


def test_one_page_that_fails_does_not_keep_the_others(site, tmp_path, capsys):
    clock = Clock()
    given = [fetch_pages.CONSENT, "--contact", "me@example.org", "--out", str(tmp_path), "--seconds", "2"]
    urls = [f"{site}/gone.html", f"{site}/a.html", f"{site}/a.html"]
    made = fetch_pages.main([*urls, *given], lambda out, contact, seconds: fetcher(out, clock, seconds))
    told = capsys.readouterr().out.splitlines()
    assert made == 1 and len(told) == 2 and "404" in told[0] and told[1].endswith(".html")
