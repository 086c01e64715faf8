"""Reads a report as a browser's parser would, strictly: what is opened must be closed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"meta", "link", "img", "br", "hr", "input", "source", "base", "col", "embed"})

Attributes = dict[str, str]


@dataclass
class Node:
    tag: str
    attributes: Attributes = field(default_factory=dict)
    children: list[Node | str] = field(default_factory=list)

    def all(self, *tags: str) -> Iterator[Node]:
        """The elements below this one, in the order of the document; of some tags, or of any."""
        for child in self.children:
            if isinstance(child, Node):
                if not tags or child.tag in tags:
                    yield child
                yield from child.all(*tags)

    def one(self, tag: str) -> Node:
        (found,) = self.all(tag)
        return found

    def with_id(self, identity: str) -> Node:
        (found,) = (node for node in self.all() if node.attributes.get("id") == identity)
        return found

    @property
    def text(self) -> str:
        """What is read (scripts are not), white space as one blank."""
        return " ".join("".join(self._texts()).split())

    def _texts(self) -> Iterator[str]:
        for child in self.children:
            if isinstance(child, str):
                yield child
            elif child.tag != "script":
                yield from child._texts()

    def table(self, caption: str) -> list[dict[str, str]]:
        """The rows of the table with this caption: head of the column → text."""
        (found,) = (table for table in self.all("table") if table.one("caption").text == caption)
        heads = [cell.text for cell in found.one("thead").all("th")]
        rows = [[cell.text for cell in row.all("th", "td")] for row in found.one("tbody").all("tr")]
        return [dict(zip(heads, row, strict=True)) for row in rows]


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("document")
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute of <{tag}> is given twice"
        node = Node(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert any(node.tag == "svg" for node in self.open), f"<{tag}/> outside of SVG does not close itself"
        self.open[-1].children.append(Node(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def read_page(text: str) -> Node:
    """The document; AssertionError when tags are not balanced."""
    parser = _Parser()
    parser.feed(text)
    parser.close()
    assert parser.open == [parser.root], f"never closed: {[node.tag for node in parser.open[1:]]}"
    return parser.root
