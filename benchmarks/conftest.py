"""What every benchmark can use."""

from collections.abc import Callable, Iterator

import pytest


@pytest.fixture
def ratios(record_property: Callable[[str, object], None]) -> Iterator[dict[str, float]]:
    """A dict for a benchmark to fill in: name -> how many times as fast as what it is compared with in the same run.

    `python -m benchmarks.speed` runs the benchmarks that have it, and compares what they found with an earlier time.
    """
    found: dict[str, float] = {}
    yield found
    record_property("ratios", found)
