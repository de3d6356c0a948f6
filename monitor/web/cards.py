"""Action cards: an operator's Markdown as a page that prints on one sheet.

A card is text: HTML in it is shown, not run, and pictures from elsewhere are not fetched.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

LONGEST = 64 * 1024


@lru_cache(maxsize=1)
def _reader() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark", {"html": False})
    return reader.enable("table").disable(["image", "html_block", "html_inline"])


@lru_cache(maxsize=64)
def card_html(markdown: str) -> Markup:
    """The card's HTML (CommonMark with tables), safe to place in a page. What is over `LONGEST` characters is cut."""
    # Jinja must not escape it again; what stands in it was escaped by the renderer.
    return Markup(_reader().render(markdown[:LONGEST]))  # noqa: S704


def split_title(markdown: str, otherwise: str) -> tuple[str, str]:
    """The card's own first heading and the rest; `otherwise` where it has none."""
    first, _, rest = markdown.lstrip().partition("\n")
    if first.startswith("# "):
        return first[2:].strip(), rest
    return otherwise, markdown
