"""Values of flags that hold several: JSON objects and name=value words."""

import json
from collections.abc import Sequence
from typing import Any

import yaml

from mas_envs.core.errors import UsageError


def json_object(flag: str, text: str) -> dict[str, Any]:
    """Returns the JSON object that a flag was given, {} for nothing; raises UsageError for anything else."""
    try:
        found = json.loads(text or "{}")
        json.dumps(found, allow_nan=False)  # which Python's JSON has, and no server's
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UsageError(f"{flag} is {text!r}; write a JSON object, e.g. " + """'{"presence_penalty": 0.5}'.""")
    return found


def settings_of(items: Sequence[str]) -> dict[str, Any]:
    """Returns name=value words as a dict, values read as YAML; raises UsageError for what is none."""
    found: dict[str, Any] = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not equals:
            raise UsageError(f"--settings has {item!r}; write name=value, e.g. turns=4.")
        try:
            found[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise UsageError(f"--settings has {item!r}, whose value cannot be read; quote it: {name}='...'.") from None
    return found
