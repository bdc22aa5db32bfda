"""Modules that a zygote imports before it forks, so that programs need not: each would cost milliseconds again."""

import importlib
import os
import sys
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location

MODULES = (
    *("bisect", "collections", "collections.abc", "copy", "enum", "functools", "heapq", "io", "itertools", "math"),
    *("operator", "os", "random", "re", "string", "sys", "threading", "time", "typing"),
)
"""What programs of contests import most. Each costs every program a little, for its part in the fork; so no more."""
EXTRA = {"numpy": ("numpy.random", "numpy.fft", "numpy.linalg", "numpy.polynomial")}


def standard() -> None:
    """Imports MODULES; those that this Python lacks are left out."""
    for name in MODULES:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            continue


def add(packages: dict[str, str], loaded: bool) -> None:
    """Makes `packages` (name -> the folder that it is installed in) importable; imports them if `loaded`.

    Raises ImportError where one cannot be.
    """
    # A library that starts threads of its own could no longer be forked.
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
    sys.meta_path.append(PackageFinder(packages))
    for name in packages if loaded else ():
        for module in (name, *EXTRA.get(name, ())):
            importlib.import_module(module)


class PackageFinder:
    """Finds packages by name, without looking at what else is installed in their folders (and cannot be read).

    folders: name -> the folder that it is installed in.
    """

    def __init__(self, folders: dict[str, str]):
        self.folders = folders

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if path is not None or name not in self.folders:
            return None
        folder = f"{self.folders[name]}/{name}"
        return spec_from_file_location(name, f"{folder}/__init__.py", submodule_search_locations=[folder])


def seed_generators() -> None:
    """Seeds what draws random numbers, so that every program begins with the same ones (by PYTHONHASHSEED, hashes too).

    So a program's result can be reproduced and cached, and no two share a stream that goes on from one to the other.
    """
    for name in ("random", "numpy.random"):
        module = sys.modules.get(name)
        if module is not None:
            module.seed(0)
