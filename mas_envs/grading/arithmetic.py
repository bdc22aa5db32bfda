"""Exact values of numbers and of arithmetic as people write it, in rational numbers; never a float."""

import re
from fractions import Fraction

_TOKEN = re.compile(r"\d+(?:\.\d*)?|\.\d+|\\(?:frac|cdot|times|div)(?![a-zA-Z])|[-+*/^(){}!]| +|(.)", re.DOTALL)
_DECIMAL = re.compile(r"([-+]?)(\d*)(?:\.(\d*))?")
_GROUPED = re.compile(r"[-+]?\d{1,3}(?:(?:,\d{3})+|(?: \d{3})+)(?:\.\d+)?")
_SCIENTIFIC = re.compile(r"([-+]?\d*\.?\d+)(?:[eE]| ?(?:\\times|\\cdot|\*) ?10 ?\^ ?)(?:\{ ?)?([-+]? ?\d{1,4}) ?\}?")
_QUOTIENT = re.compile(r"(-?)(?:(\d{1,400})/(\d{1,400})|\\frac\{(\d{1,400})\}\{(\d{1,400})\})")
_REPEATING = re.compile(r"([-+]?)(\d+)\.(\d*)(?:\\overline|\\bar|\\dot) ?(?:\{(\d+)\}|(\d))")
_FRACTION = re.compile(r"(?:\d+(?: |(?=\\)))?(?:\d+ ?/ ?[-+]?\d+|\\frac ?\{[-+]?\d+\} ?\{[-+]?\d+\})")
_BASED = re.compile(r"\(?([0-9][0-9A-Za-z]*)\)?_ ?(?:\{ ?(\d{1,2}) ?\}|(\d{1,2}))")
MAX_DIGITS = 400
"""Digits of a number that is written out; longer ones are compared as text or not at all."""
_MAX_BITS = 8192
_MAX_DEPTH = 24
_END = ""


class _NoValueError(Exception):
    """Not arithmetic, or too large."""


def decimal_value(text: str) -> tuple[Fraction, int] | None:
    """Returns (value, digits after the point) of a plain number, or None for anything else.

    Plain are 12, -3.40, 1,234.5 and 1 234.5 (groups of three), 1.2e5 and 1.2 * 10^{5}. The digits after the point
    are those that are written, those of a scientific number shifted by its exponent.
    """
    if len(text) > MAX_DIGITS:
        return None
    shift, match = 0, _DECIMAL.fullmatch(text)
    if match is None:
        if _GROUPED.fullmatch(text):
            text = text.replace(",", "").replace(" ", "")
        elif scientific := _SCIENTIFIC.fullmatch(text):
            text, shift = scientific[1], int(scientific[2].replace(" ", ""))
        match = _DECIMAL.fullmatch(text)
    if not match or not (match[2] or match[3]):
        return None
    part = match[3] or ""
    digits = int(match[2] + part)
    value = Fraction(-digits if match[1] == "-" else digits, 10 ** len(part))
    return (value * Fraction(10) ** shift if shift else value), max(0, len(part) - shift)


def is_written_out(text: str) -> bool:
    r"""Returns whether a text is a number with nothing left to work out: a plain one (see `decimal_value`), a fraction
    of two integers, a mixed number or a repeating decimal."""
    unsigned = re.sub(r"^[-+] *", "", text)
    written = _FRACTION.fullmatch(unsigned) or _REPEATING.fullmatch(unsigned)
    return bool(written) or decimal_value(unsigned) is not None


def exact_value(text: str) -> Fraction | None:
    r"""Returns the exact value of arithmetic in rational numbers, or None where there is none within bounds.

    Read are + - * / ^ !, \cdot, \times, \div, \frac{a}{b}, parentheses, mixed numbers (2\frac{1}{2}, 2 1/2),
    repeating decimals (0.\overline{3}) and numbers in a base (101_2). The bounds: 400 digits in, 8,192 bits out.
    """
    if len(text) > 4 * MAX_DIGITS:
        return None
    if match := _QUOTIENT.fullmatch(text):  # the commonest, at full speed
        below = int(match[3] or match[5])
        return Fraction(int(match[1] + (match[2] or match[4])), below) if below else None
    if match := _REPEATING.fullmatch(text):
        return _repeating(match)
    if match := _BASED.fullmatch(text):
        return _in_base(match[1], int(match[2] or match[3]))
    tokens = list[str]()
    for match in _TOKEN.finditer(text):
        if match[1] is not None:
            return None
        tokens.append(match[0] if match[0][0] != " " else " ")
    try:
        reader = _Reader(tokens)
        value = reader.sum()
        return value if reader.peek() == _END else None
    except _NoValueError:
        return None


def _repeating(match: re.Match[str]) -> Fraction:
    sign, whole, fixed, cycle = match[1], match[2], match[3], match[4] or match[5]
    value = Fraction(int(whole + fixed), 10 ** len(fixed))
    value += Fraction(int(cycle), (10 ** len(cycle) - 1) * 10 ** len(fixed))
    return -value if sign == "-" else value


def _in_base(digits: str, base: int) -> Fraction | None:
    if not 2 <= base <= 36 or any(int(digit, 36) >= base for digit in digits) or len(digits) > MAX_DIGITS:
        return None
    return Fraction(int(digits, base))


def _bounded(value: Fraction) -> Fraction:
    if value.numerator.bit_length() > _MAX_BITS or value.denominator.bit_length() > _MAX_BITS:
        raise _NoValueError
    return value


class _Reader:
    """Reads tokens by recursive descent; every method raises _NoValueError for what is no arithmetic."""

    def __init__(self, tokens: list[str]):
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def peek(self) -> str:
        """Returns the next token that is no space."""
        while self._at < len(self._tokens) and self._tokens[self._at] == " ":
            self._at += 1
        return self._tokens[self._at] if self._at < len(self._tokens) else _END

    def _take(self) -> str:
        token = self.peek()
        self._at += 1
        return token

    def _expect(self, token: str) -> None:
        if self._take() != token:
            raise _NoValueError

    def sum(self) -> Fraction:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise _NoValueError
        value = self._product()
        while self.peek() in ("+", "-"):
            value = _bounded(value + self._product() if self._take() == "+" else value - self._product())
        self._depth -= 1
        return value

    def _product(self) -> Fraction:
        value = self._signed()
        while True:
            token = self.peek()
            if token in ("*", r"\cdot", r"\times"):
                self._take()
                value *= self._signed()
            elif token in ("/", r"\div"):
                self._take()
                value = self._divided(value, self._signed())
            elif token == "(":
                value *= self._power()
            else:
                return value
            _bounded(value)

    @staticmethod
    def _divided(value: Fraction, by: Fraction) -> Fraction:
        if not by:
            raise _NoValueError
        return value / by

    def _signed(self) -> Fraction:
        negative = False
        for _ in range(3):
            if self.peek() not in ("-", "+"):
                break
            negative ^= self._take() == "-"
        value = self._power()
        return -value if negative else value

    def _power(self) -> Fraction:
        base = self._atom()
        while self.peek() == "!":
            self._take()
            base = self._factorial(base)
        if self.peek() != "^":
            return base
        self._take()
        exponent = self._braced() if self.peek() == "{" else self._signed_atom()
        if exponent.denominator != 1 or abs(exponent) > _MAX_BITS or (not base and exponent <= 0):
            raise _NoValueError
        size = max(base.numerator.bit_length(), base.denominator.bit_length())
        if size * abs(exponent) > _MAX_BITS and abs(base) != 1:
            raise _NoValueError
        return base ** int(exponent)

    def _signed_atom(self) -> Fraction:
        """Reads `2^-3`, and of `2^10` the whole 10, as plain text means it."""
        if self.peek() == "-":
            self._take()
            return -self._atom()
        value = self._atom()
        if self.peek() == "^":  # a tower: its height is the reader's business, not ours
            raise _NoValueError
        return value

    @staticmethod
    def _factorial(value: Fraction) -> Fraction:
        if value.denominator != 1 or not 0 <= value <= 200:
            raise _NoValueError
        product = 1
        for factor in range(2, int(value) + 1):
            product *= factor
        return Fraction(product)

    def _braced(self) -> Fraction:
        self._expect("{")
        value = self.sum()
        self._expect("}")
        return value

    def _atom(self) -> Fraction:
        token = self._take()
        if token == "(":
            value = self.sum()
            self._expect(")")
            return value
        if token == "{":
            self._at -= 1
            return self._braced()
        if token == r"\frac":
            return self._divided(self._braced(), self._braced())
        if not token or token[0] not in "0123456789." or len(token) > MAX_DIGITS or token == ".":
            raise _NoValueError
        value = Fraction(token) if "." not in token else self._decimal(token)
        return self._mixed(value) if "." not in token else value

    @staticmethod
    def _decimal(token: str) -> Fraction:
        whole, _, part = token.partition(".")
        return Fraction(int(whole + part), 10 ** len(part))

    def _mixed(self, whole: Fraction) -> Fraction:
        r"""Returns the mixed number that begins with `whole` (2\frac{1}{2}, 2 1/2), or `whole`."""
        start, spaced = self._at, self._tokens[self._at : self._at + 1] == [" "]
        following = self._tokens[self._at + spaced : self._at + spaced + 3]
        if following[:1] == [r"\frac"]:
            self._take()
            above, below = self._braced(), self._braced()
            if not (0 < above < below and above.denominator == below.denominator == 1):
                raise _NoValueError  # a product, or a slip: not ours to say
            return whole + above / below
        if spaced and len(following) == 3 and following[1] == "/":
            above, below = following[0], following[2]
            if above.isdecimal() and below.isdecimal() and len(below) < MAX_DIGITS and 0 < int(above) < int(below):
                self._at += 4
                return whole + Fraction(int(above), int(below))
        self._at = start
        return whole
