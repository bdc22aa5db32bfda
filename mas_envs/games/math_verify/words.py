"""The words of compact prompts and answers about generated problems: few, so that a small policy can know them all."""

_WORDS = """
0 1 2 3 4 5 6 7 8 9 ( ) + - * / % ** = == < <= , . ; [ ]
tool reasoner program output error time nothing boxed ? ~
print from import as fractions Fraction F math gcd lcm comb perm pow sum max int str range all for in if or d i p x
append percent of solve y digits average price area term way left root divisors choose places dice multiples primes
"""
"""Digits and signs; whose turn it is, what stands between the parts of a prompt, and the word of an answer; Python;
problems."""
VOCABULARY = tuple(_WORDS.split())
