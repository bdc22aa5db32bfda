"""The program of the tool user's expert: a breadth-first search over the cells of the map that it reads."""

PROGRAM = r"""
s = open(0).read()
b = dict(enumerate(s))
w = s.find("\n") + 1
q = [(s.find("@"), "")]
for p, m in q:
    k = b.pop(p, "#")
    if k == "G":
        print(m)
    if k in ".@":
        for c, d in zip("UDLR", (-w, w, -1, 1)):
            q += [(p + d, m + c)]
"""
"""As short as it is so that a small policy can learn it. A cell is taken off the map when it is come to first, so that
nothing is looked at twice."""
