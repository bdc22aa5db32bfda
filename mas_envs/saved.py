"""Reading values back from saved JSON: each function returns the value if it is what it should be, or raises."""

import json
from collections.abc import Mapping
from typing import Any


def plain(report: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a copy made of JSON values, which shares nothing with `report`."""
    return json.loads(json.dumps(dict(report)))


def of_type(kind: type, value: Any) -> Any:
    """Returns `value` if its type is exactly `kind`; raises TypeError otherwise."""
    if type(value) is not kind:
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def number(value: Any) -> float:
    """Returns `value` if it is a number; raises TypeError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number")
    return value


def terms(found: Mapping[str, Any]) -> dict[str, float]:
    """Returns named numbers as a dict of its own; raises TypeError where one is no number."""
    return {name: number(value) for name, value in found.items()}
