"""HTML in which every text is escaped, because names and answers are written by models and by strangers."""

import base64
import hashlib
import html
import json
from importlib.resources import files
from string import Template
from typing import Any

_EMPTY = {"input"}


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def escape(value: object) -> Html:
    """Returns a value's text as markup that shows it; what no file can hold (a lone surrogate) is replaced."""
    return value if isinstance(value, Html) else Html(html.escape(str(value).encode("utf-8", "replace").decode()))


def join(parts: Any) -> Html:
    """Returns several values as markup, one after the other."""
    return Html("".join(map(escape, parts)))


def tag(name: str, *inside: object, **attributes: object) -> Html:
    """Returns an element. Attributes: `class_` is class, `data_game` data-game; True is one without a value, and
    None none at all."""
    shown: list[str] = []
    for key, value in attributes.items():
        key = key.rstrip("_").replace("_", "-")
        if value is not None and value is not False:
            shown.append(f" {key}" if value is True else f' {key}="{escape(value)}"')
    opened = f"<{name}{''.join(shown)}>"
    return Html(opened if name in _EMPTY else f"{opened}{join(inside)}</{name}>")


def page(title: str, body: Html, script: str, data: Any = None) -> str:
    """Returns a whole page: it asks for nothing from anywhere, and runs no script but its own.

    Its content-security policy names style and scripts by their hashes, so that a text that got around `escape` would
    still be dead. data: JSON values for the script, in an element with the id "data".

    Args:
        script: name of the script beside `common.js` in this folder, without .js.
    """
    style, code = _read("style.css"), _read("common.js") + _read(f"{script}.js")
    policy = (
        f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(code)}; base-uri 'none'; "
        "form-action 'none'"
    )
    # "<" as \u003c: no text can end the element, or begin a comment in it.
    content = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return Template(_read("page.html")).substitute(
        title=escape(title), policy=escape(policy), style=style, body=body, data=content, code=code
    )


def _read(name: str) -> str:
    return (files("benchmarks.site") / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
