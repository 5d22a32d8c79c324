"""A page of a script as the text it shows: names that only stand in bold, in a list or in a cell of their own become "NAME: "."""

import re

from bs4 import BeautifulSoup, NavigableString, Tag

AWAY = ["script", "style", "nav", "header", "footer", "aside", "form", "noscript", "template", "svg", "iframe", "button", "select"]
BLOCKS = {
    "p", "div", "section", "article", "main", "blockquote", "li", "ul", "ol", "dl", "dt", "dd", "table", "tr", "td", "th", "tbody",
    "h1", "h2", "h3", "h4", "h5", "h6", "hr", "center", "figure", "pre",
}  # fmt: skip
A_NAME = re.compile(r"^[A-Z][\w.'’&-]*(?: [\w.'’&-]+){0,4}[.:]?$")


def page_text(html: str) -> str:
    """Where most of the page is preformatted, that alone and as it stands: a screenplay lives by its indentation."""
    soup = BeautifulSoup(html, "lxml")
    for tag in soup(AWAY):
        tag.decompose()
    formed = [pre.get_text() for pre in soup("pre")]
    if sum(map(len, formed)) > len(soup.get_text()) / 2:
        return "\n".join(formed)
    for term in soup("dt"):
        said = term.find_next_sibling()
        if said is not None and said.name == "dd":
            join(term, said)
    for row in soup("tr"):
        cells = row.find_all(["td", "th"], recursive=False)
        if len(cells) == 2 and A_NAME.match(cells[0].get_text(" ", strip=True)):
            join(*cells)
    body = soup.body or soup
    return re.sub(r"\n{3,}", "\n\n", "".join(pieces(body)))


def join(name: Tag, said: Tag) -> None:
    said.insert(0, f"{name.get_text(' ', strip=True).rstrip('.:')}: ")
    name.decompose()


def pieces(tag: Tag):
    opening = True  # nothing was shown yet on this line
    for child in tag.children:
        if isinstance(child, Tag):
            if child.name == "br":
                yield "\n"
                opening = True
            elif child.name in BLOCKS:
                title = child.get_text(" ", strip=True)
                yield f"\n\n{title}\n\n" if re.fullmatch("h[1-6]", child.name) else "\n\n"
                if not re.fullmatch("h[1-6]", child.name):
                    yield from pieces(child)
                    yield "\n\n"
                opening = True
            elif opening and (name := bold_name(child)):
                yield f"{name}: "
                opening = False
            else:
                inner = "".join(pieces(child))
                yield inner
                opening = opening and not inner.strip()
        elif type(child) is NavigableString:
            # The colon or full stop after a name in bold is said already.
            said = re.sub(r"\s+", " ", child)
            yield said
            opening = opening and not said.strip()


def bold_name(tag: Tag) -> str | None:
    """The name that a bold piece at the beginning of a line is, without what ends it."""
    bold = (
        tag
        if tag.name in ("b", "strong") or {"charname", "speaker", "character"} & set(tag.get("class") or [])
        else tag.find(["b", "strong"])
    )
    text = tag.get_text(" ", strip=True)
    if bold is None or bold.get_text(" ", strip=True) != text or not A_NAME.match(text):
        return None
    after = tag.next_sibling
    if isinstance(after, NavigableString):
        if not text.endswith((":", ".")) and not text.isupper() and not re.match(r"\s*[:.]", after):
            return None  # emphasis at the beginning of a sentence
        after.replace_with(NavigableString(re.sub(r"^\s*[:.]", "", after)))
    elif not text.endswith((":", ".")) and not text.isupper():
        return None
    return text.rstrip(".:")
