"""Units of measurement: what they measure, and how many of the base unit each is, exactly."""

import re
from fractions import Fraction
from typing import NamedTuple


class Unit(NamedTuple):
    """What stands behind a number.

    text: as it is written, without spaces. dimensions: (name, exponent) of what it measures, in alphabetical order;
    None for words that say what was counted ("apples"). factor: how many base units one of it is. sure: whether it
    can be nothing else; not so a letter right behind a digit, which may be a variable (`5m`).
    """

    text: str
    dimensions: tuple[tuple[str, int], ...] | None
    factor: Fraction
    sure: bool


_F = Fraction
_INCH = _F(254, 10_000)
_POUND = _F(45_359_237, 100_000)
_NAMED: dict[str, tuple[str, int, Fraction]] = {}
"""name -> dimension, its exponent, factor."""


def _name(dimension: str, names: str, factor: Fraction | int = 1, exponent: int = 1) -> None:
    for name in names.split():
        _NAMED[name] = (dimension, exponent, _F(factor))


_name("length", "m meter meters metre metres")
_name("length", "km kilometer kilometers kilometre kilometres", 1000)
_name("length", "dm decimeter decimeters", _F(1, 10))
_name("length", "cm centimeter centimeters centimetre centimetres", _F(1, 100))
_name("length", "mm millimeter millimeters millimetre millimetres", _F(1, 1000))
_name("length", "in inch inches", _INCH)
_name("length", "ft foot feet", 12 * _INCH)
_name("length", "yd yard yards", 36 * _INCH)
_name("length", "mi mile miles", 63_360 * _INCH)
_name("length", "liter liters litre litres L l", _F(1, 1000), 3)
_name("length", "ml mL milliliter milliliters millilitre millilitres cc", _F(1, 1_000_000), 3)
_name("length", "hectare hectares ha", 10_000, 2)
_name("mass", "g gm gram grams")
_name("mass", "kg kilogram kilograms", 1000)
_name("mass", "mg milligram milligrams", _F(1, 1000))
_name("mass", "tonne tonnes", 1_000_000)
_name("mass", "lb lbs pound pounds", _POUND)
_name("mass", "oz ounce ounces", _POUND / 16)
_name("time", "s sec secs second seconds")
_name("time", "ms millisecond milliseconds", _F(1, 1000))
_name("time", "min mins minute minutes", 60)
_name("time", "h hr hrs hour hours", 3600)
_name("time", "day days", 86_400)
_name("time", "week weeks", 604_800)
_name("months", "month months")
_name("months", "year years yr yrs", 12)
_name("dollars", "$ dollar dollars USD usd buck bucks")
_name("dollars", "cent cents ¢", _F(1, 100))
_name("euros", "€ euro euros EUR")
_name("pounds sterling", "£ GBP")
_name("rupees", "rupee rupees ₹")
_name("yen", "¥ yen")
_name("degrees", "° degree degrees deg")
_name("radians", "rad radian radians")
_name("celsius", "°C celsius")
_name("fahrenheit", "°F fahrenheit")
_name("kelvin", "K kelvin")
_name("force", "N newton newtons")
_name("energy", "J joule joules")
_name("energy", "kJ", 1000)
_name("power", "W watt watts")
_name("power", "kW", 1000)
_name("pressure", "Pa pascal pascals")
_name("pressure", "kPa", 1000)
_name("voltage", "V volt volts")
_name("current", "A ampere amperes amp amps")
_name("resistance", "Ω ohm ohms")
_name("charge", "C coulomb coulombs")
_name("frequency", "Hz hertz")
_name("frequency", "kHz", 1000)
_name("frequency", "MHz", 1_000_000)
_name("amount", "mol mole moles")
_name("morning", "am AM a.m. a.m")
_name("afternoon", "pm PM p.m. p.m")
_SPEEDS = {"mph": ("mi", "h"), "kmh": ("km", "h"), "kph": ("km", "h"), "kmph": ("km", "h")}
_NO_UNITS = frozenset(
    (
        *("sin", "cos", "tan", "cot", "sec", "csc", "log", "ln", "exp", "mod", "gcd", "lcm", "max", "min"),
        *("arcsin", "arccos", "arctan", "and", "or", "if", "for", "when", "where", "all", "any", "not", "no", "is"),
        *("are", "none", "undefined", "infinite", "infinitely", "many", "only", "such", "that", "with", "real"),
        *("solution", "solutions"),
    )
)
"""Words that say more than what was counted."""
_FACTOR = re.compile(r"([^\s^*/\d]+)(?: ?\^ ?(?:\{ ?(-?\d) ?\}|(-?\d))|([23]))?")
_WORDS = re.compile(r"[A-Za-z][A-Za-z'-]*(?: [A-Za-z'-]+){0,5}")
_POWERS = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}


def read_unit(text: str, spaced: bool) -> Unit | None:
    """Returns the unit that `text` (cleaned, what stands behind a number) is, or None where it is none.

    `spaced` says whether a space divides it from the number. Products and quotients are read (m/s, kg m^2, miles
    per hour), powers (cm^2, square feet, cubic meters), and words, one of four letters or more, for what was counted.
    """
    if len(text) > 60:
        return None
    found = _measure(text)
    if found is None:
        words = text.split("/")[0].strip()
        if not _WORDS.fullmatch(re.sub(r" ?\^ ?\{? ?[23] ?\}?$", "", words)):
            return None
        parts = words.split()
        if any(part.lower() in _NO_UNITS for part in parts) or max(map(len, parts)) < 4:
            return None
        return Unit(text.lower().replace(" ", ""), None, _F(1), True)
    dimensions, factor = found
    single = len(text) == 1 and text.isalpha()
    known = tuple(sorted((name, exponent) for name, exponent in dimensions.items() if exponent))
    return Unit(text.replace(" ", ""), known, factor, spaced or not (single or text[1:2] == "^"))


def _measure(text: str) -> tuple[dict[str, int], Fraction] | None:
    """Returns dimensions and factor of a unit built of known ones, or None."""
    dimensions: dict[str, int] = {}
    factor, sign, power = _F(1), 1, 1
    text = re.sub(r"\\(?:cdot|times)(?![a-z])|\*", " ", text)
    for word in re.findall(r"/|[^\s/^]+(?: ?\^ ?(?:\{ ?-?\d ?\}|-?\d))?", text.replace("°", " °").replace("° ", "°")):
        if word in ("/", "per"):
            sign = -1
        elif word.lower().rstrip(".") in _POWERS:
            power = _POWERS[word.lower().rstrip(".")]
        else:
            match = _FACTOR.fullmatch(word)
            parts = _known(match[1]) if match else None
            if match is None or parts is None:
                return None
            exponent = sign * power * int(match[2] or match[3] or match[4] or 1)
            for dimension, each, size in parts:
                dimensions[dimension] = dimensions.get(dimension, 0) + each * exponent
                factor *= size**exponent
            power = 1
    return (dimensions, factor) if dimensions else None


def _known(name: str) -> list[tuple[str, int, Fraction]] | None:
    if name in _SPEEDS:
        (distance, above, size), (time, below, duration) = (_NAMED[unit] for unit in _SPEEDS[name])
        return [(distance, above, size), (time, -below, 1 / duration)]
    found = _NAMED.get(name) or (_NAMED.get(name.lower()) if len(name) > 2 else None)
    return [found] if found else None


def currency(sign: str) -> Unit:
    """Returns the unit of a sign that stands before its number: $, €, £, ¥ or ₹."""
    dimension, exponent, factor = _NAMED[sign]
    return Unit(sign, ((dimension, exponent),), factor, True)
