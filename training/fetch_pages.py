"""Fetches pages of scripts for `ingest`, politely, for those who have the right to the text.

python -m training.fetch_pages URL… --i-have-the-right-to-these-texts --contact you@example.org [--out training/runs/pages]
Asks robots.txt first and obeys it, waits between two requests of one host (--seconds, or longer where robots.txt says so), keeps what it
fetched and asks again only whether that has changed. Prints the path of each page. A page that cannot be had is told, and the run ends with
status 1; the others are kept.
"""

import argparse
import hashlib
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from protego import Protego

from training.datasets import BadData
from training.ingest_read import MOST_MEGABYTES
from training.shipped import RUNS

CONSENT = "--i-have-the-right-to-these-texts"
AGENT = "TroupeScripts"
WAIT = 5.0  # seconds between two requests of one host


@dataclass
class Fetcher:
    """`clock` in seconds and `sleep` are arguments so that no test waits."""

    out: Path
    contact: str
    seconds: float = WAIT
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    last: dict[str, float] = field(default_factory=dict)
    rules: dict[str, Protego] = field(default_factory=dict)

    @property
    def agent(self) -> str:
        return f"{AGENT}/1.0 (Troupe, a chat bot of one's own; +{self.contact})"

    def page(self, url: str) -> Path:
        """Where the page lies now. Raises BadData with the address, what happened and what to do."""
        where = urlsplit(url)
        if where.scheme not in ("http", "https") or not where.hostname:
            raise BadData(f"{url} is no address of a page: give one that begins with http:// or https://")
        rules = self.robots(f"{where.scheme}://{where.netloc}")
        if not rules.can_fetch(url, AGENT):
            raise BadData(f"{url}: the site's robots.txt forbids it to programs; it is not fetched. Ask the site, or save the page by hand")
        file = self.out / where.netloc.replace(":", "-") / f"{name_of(url)}.html"
        about = file.with_suffix(".json")
        known = json.loads(about.read_text(encoding="utf-8")) if file.exists() and about.exists() else {}
        headers = {"If-None-Match": known.get("etag"), "If-Modified-Since": known.get("modified")}
        answer = self.ask(url, {name: value for name, value in headers.items() if value}, rules.crawl_delay(AGENT))
        if answer is None:
            return file
        body, got = answer
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.write_bytes(body)
        part.replace(file)
        told = {
            "url": url,
            "etag": got.get("ETag"),
            "modified": got.get("Last-Modified"),
            "sha256": hashlib.sha256(body).hexdigest(),
            "bytes": len(body),
        }
        about.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        return file

    def robots(self, site: str) -> Protego:
        """Once a site. No robots.txt allows everything; one that cannot be read because the site is in trouble allows nothing."""
        if site not in self.rules:
            try:
                answer = self.ask(f"{site}/robots.txt", {}, None)
                self.rules[site] = Protego.parse((answer[0] if answer else b"").decode("utf-8", "replace"))
            except Missing:
                self.rules[site] = Protego.parse("")
        return self.rules[site]

    def ask(self, url: str, headers: dict[str, str], delay: float | None) -> tuple[bytes, dict] | None:
        """Body and headers; None when it has not changed. Waits its turn first."""
        host = urlsplit(url).netloc
        wait = self.last.get(host, float("-inf")) + max(self.seconds, delay or 0) - self.clock()
        if wait > 0:
            self.sleep(wait)
        request = urllib.request.Request(url, headers={"User-Agent": self.agent, "Accept": "text/html, text/plain", **headers})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                body = answer.read(MOST_MEGABYTES * 1_000_000 + 1)
                if len(body) > MOST_MEGABYTES * 1_000_000:
                    raise BadData(
                        f"{url} has more than {MOST_MEGABYTES} MB; nothing of it was kept. A script has less: is it the page of one script?"
                    )
                return body, dict(answer.headers)
        except urllib.error.HTTPError as error:
            if error.code == 304:
                return None
            if 400 <= error.code < 500 and error.code != 429:
                raise Missing(f"{url} answered {error.code} {error.reason}; look at the address in a browser") from None
            raise BadData(f"{url} answered {error.code} {error.reason}; try again later, with a larger --seconds") from None
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            raise BadData(f"{url} cannot be reached: {getattr(error, 'reason', error)}; look at the address and at your network") from None
        finally:
            self.last[host] = self.clock()


class Missing(BadData):
    """Not there for us, whatever we do: 404 and its like."""


def name_of(url: str) -> str:
    readable = re.sub(r"[^A-Za-z0-9]+", "-", urlsplit(url).path.rsplit(".", 1)[0]).strip("-").lower()[:60]
    return f"{readable or 'page'}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"


def main(arguments: list[str] | None = None, fetcher: Callable[..., Fetcher] = Fetcher) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training.fetch_pages", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("urls", nargs="+", metavar="URL")
    parser.add_argument(CONSENT, dest="right", action="store_true", help="the texts are yours, free, or you have leave to use them so")
    parser.add_argument("--contact", default="", help="an address of yours, which the sites are told")
    parser.add_argument("--out", type=Path, default=RUNS / "pages")
    parser.add_argument("--seconds", type=float, default=WAIT, help="between two requests of one host")
    given = parser.parse_args(arguments)
    if not given.right:
        raise BadData(
            "Most scripts belong to somebody, and a page that can be read is no leave to copy it. Fetch only what is yours, in the "
            f"public domain, under a licence that allows it, or what you have leave for; then say so: {CONSENT}"
        )
    if not given.contact:
        raise BadData("sites want to know who asks: give an address of yours with --contact")
    if given.seconds < 1:
        raise BadData(f"--seconds {given.seconds:g} is too fast for other people's servers: 1 at least")
    fetch, failed = fetcher(given.out, given.contact, given.seconds), 0
    for url in dict.fromkeys(given.urls):
        try:
            print(fetch.page(url), flush=True)
        except BadData as error:
            failed += 1
            print(error, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
