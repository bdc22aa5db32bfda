"""The program of the tool user's expert: a breadth-first search over positions, for the fewest moves."""

PROGRAM = r"""
s = open(0).read()
w = s.find("\n") + 1
p = max(map(s.find, "@+"))
q = [(p, frozenset(i for i, c in enumerate(s) if c in "$*"), "")]
e = set()
for p, b, m in q:
    if all(s[i] in ".*+" for i in b):
        print(m)
        break
    for c, d in zip("UDLR", (-w, w, -1, 1)):
        n = p + d
        a = b ^ {n, n + d} if n in b else b
        if len(a) == len(b) and (n, a) not in e and "#" not in [s[i] for i in (n, *a)]:
            e.add((n, a))
            q += [(n, a, m + c)]
"""
"""As short as it is so that a small policy can learn it. A push takes one box off its cell and puts it on the next:
where a second box is, both are gone, and the push is not possible."""
