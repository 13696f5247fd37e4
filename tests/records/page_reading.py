"""A page as a browser would take it apart: its elements in order, with their attributes and text."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "img", "input", "hr", "base"}
SPOKEN = ("title", "aria-label", "data-exact")
"""Attributes that hold text for people or for the copy button."""


@dataclass
class Element:
    """One start tag, and the text directly in it."""

    tag: str
    attributes: dict[str, str]
    text: list[str] = field(default_factory=list)


class Reading(HTMLParser):
    """Elements in the order of their start tags; raises where tags do not nest."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs)
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open[-1].text.append(data)

    def all(self, tag: str) -> list[Element]:
        """Return the elements of a tag."""
        return [element for element in self.elements if element.tag == tag]

    def values(self, attribute: str) -> list[str]:
        """Return what an attribute holds wherever it is."""
        return [element.attributes[attribute] for element in self.elements if attribute in element.attributes]

    @property
    def skeleton(self) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
        """Return the markup without any text: tags, attributes, and their values but for those of text."""
        return [
            (one.tag, tuple((name, "" if name in SPOKEN else value) for name, value in one.attributes.items()))
            for one in self.elements
        ]

    @property
    def seen(self) -> str:
        """Return all text that a person may see or hear."""
        shown = [text for one in self.elements if one.tag not in ("style", "script") for text in one.text]
        return "\n".join([*shown, *self.values("title"), *self.values("aria-label")])
