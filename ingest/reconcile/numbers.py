"""Numbers as a form prints them: full-width digits, commas, units, brackets; and rounding as it prints them.

Everything is reckoned in fractions: a figure is equal to a printed one or it is not, whatever a float would say.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

_NUMBER = re.compile(r"([+-]?)(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d+))?")
_MINUS = str.maketrans(dict.fromkeys("△▲−‐", "-"))
_SAME_DASH = str.maketrans({"〜": "~", "～": "~", "−": "-", "‐": "-", "―": "-", "–": "-", "—": "-"})


def plain(text: str) -> str:
    """A text as it is compared: NFKC, without blanks, one kind of dash and wave."""
    return "".join(unicodedata.normalize("NFKC", text.translate(_SAME_DASH)).translate(_SAME_DASH).split())


@dataclass(frozen=True)
class Printed:
    """A number and how many digits after the point it was printed with."""

    value: Fraction
    decimals: int

    def __str__(self) -> str:
        return shown(self.value, self.decimals)

    def is_of(self, value: Fraction) -> bool:
        """Whether ``value`` is printed so (half up)."""
        return half_up(value, self.decimals) == self.value

    def is_truncated(self, value: Fraction) -> bool:
        """Whether ``value`` is printed so where the rest is cut off."""
        return truncated(value, self.decimals) == self.value


def parse(text: str, blanks: Iterable[str], units: Iterable[str]) -> Printed | None:
    """The number in a cell; None where the form leaves it blank. Raises ValueError, which quotes nothing."""
    cell = plain(text)
    if not cell or cell in blanks:
        return None
    if cell[0] == "(" and cell[-1] == ")":
        cell = cell[1:-1]
    for unit in sorted(units, key=len, reverse=True):
        cell = cell.removesuffix(unit)
    found = _NUMBER.fullmatch(cell.translate(_MINUS))
    if found is None:
        raise ValueError("not a number")
    sign, whole, rest = found.groups()
    digits = rest or ""
    value = Fraction(int(whole.replace(",", "") + digits), 10 ** len(digits))
    return Printed(-value if sign == "-" else value, len(digits))


def half_up(value: Fraction, decimals: int) -> Fraction:
    """Rounded to ``decimals`` digits, halves away from zero."""
    scaled = abs(value) * 10**decimals
    rounded = Fraction((scaled + Fraction(1, 2)).__floor__(), 10**decimals)
    return rounded if value >= 0 else -rounded


def truncated(value: Fraction, decimals: int) -> Fraction:
    """Cut off after ``decimals`` digits."""
    cut = Fraction((abs(value) * 10**decimals).__floor__(), 10**decimals)
    return cut if value >= 0 else -cut


def shown(value: Fraction, decimals: int) -> str:
    """The number in plain digits with separators, rounded half up."""
    rounded = half_up(value, decimals)
    whole, rest = divmod(abs(rounded) * 10**decimals, 10**decimals) if decimals else (abs(rounded), 0)
    sign = "-" if rounded < 0 else ""
    return f"{sign}{int(whole):,}" + (f".{int(rest):0{decimals}d}" if decimals else "")
