"""The program of the tool user's expert: digits are tried cell by cell, going back where none fits."""

PROGRAM = r"""
r = open(0).read().split()
n = len(r) // 2
h = int(n**0.5)
w = n // h
q = ["".join(r[n:])]
while q:
    s = q.pop()
    i = s.find(".")
    if i < 0:
        print(s)
        break
    y, x = i // n, i % n
    t = {s[j] for j in range(n * n) if j // n == y or j % n == x or (j // n // h == y // h and j % n // w == x // w)}
    q += [s[:i] + d + s[i + 1 :] for d in "123456789"[:n] if d not in t]
"""
"""As short as it is so that a small policy can learn it. It reads the givens, the second board of its input, so that
digits written wrongly do not mislead it."""
