"""The rule behind a generated problem: a family of a map of a filter, over the integers of one line.

A `Spec` names one rule: keep some of the numbers, change each that was kept, and say something of the result, as in
"the sum of the squares of the even numbers". It knows its statement, its program and, by plain Python here, the right
answer; so what a tester's case is worth is known without running anything. A typical mistake is a spec near by.
"""

from collections.abc import Sequence
from typing import NamedTuple

from mas_envs.games.code_test.families import FAMILIES
from mas_envs.games.code_test.pieces import FILTERS, MAPS

READ = "x = list(map(int,input().split()))"
"""How every reference program reads its line."""


class Spec(NamedTuple):
    """One rule: family with its constant, map with its constant, filter with its constant."""

    family: str
    k: int = 0
    map: str = "same"
    map_c: int = 0
    keep: str = "all"
    keep_c: int = 0

    def solve(self, numbers: Sequence[int]) -> str:
        """Returns the right output for a line of numbers."""
        keep, change = FILTERS[self.keep].function, MAPS[self.map].function
        answer = FAMILIES[self.family].function(
            [change(v, self.map_c) for v in numbers if keep(v, self.keep_c)], self.k
        )
        return " ".join(map(str, answer)) if isinstance(answer, list) else str(int(answer))

    @property
    def phrase(self) -> str:
        """What is to be printed, in words."""
        family, change, keep = FAMILIES[self.family], MAPS[self.map], FILTERS[self.keep]
        changed = change.phrase.format(c=self.map_c, y=keep.phrase.format(c=self.keep_c))
        return family.phrase.format(k=self.k, y=changed)

    @property
    def words(self) -> str:
        """The statement in the words of the compact style."""
        family, change, keep = FAMILIES[self.family], MAPS[self.map], FILTERS[self.keep]
        parts = (family.words.format(k=self.k), change.words.format(c=self.map_c), keep.words.format(c=self.keep_c))
        return " ".join(part for part in parts if part)

    @property
    def program(self) -> str:
        """A program in one line, a space between any two of its words."""
        family, change, keep = FAMILIES[self.family], MAPS[self.map], FILTERS[self.keep]
        condition = f" if {keep.code.format(c=self.keep_c)}" if keep.code else ""
        chosen = f"[ {change.code.format(c=self.map_c)} for v in x{condition} ]"
        return f"{READ} ; y = {chosen} ; print ( {family.code.format(k=self.k)} )"
