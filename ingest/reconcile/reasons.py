"""Why a number of KDB may differ from ours: rules of ``kdb_reasons``, each tried by one of a few tests.

A rule that is *exact* was tried by reckoning: with its other denominator, month or sum our own figures give the number
that KDB printed. One that is *possible* only fits in direction and size. The rules do not prove anything; they say
where to look first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

from ingest.reconcile import mapping
from ingest.reconcile.figures import Figure, Figures, Indicator, Key
from ingest.reconcile.mapping import EXACT, POSSIBLE, UNKNOWN, Rule
from ingest.reconcile.numbers import Printed
from ingest.reconcile.period import FISCAL_YEAR, MONTH, YEAR_TO_DATE, Period, shifted

SEXES = {"1": "男", "2": "女", "all": "男女計"}


@dataclass(frozen=True)
class Asked:
    """Which number of ours is meant: a key, which side of the line or the value, and what makes it the form's."""

    key: Key
    measure: str
    factor: Fraction


@dataclass(frozen=True)
class Found:
    """A reason that fits: ``detail`` says with which number of ours, ``certainty`` how much that means."""

    code: str
    text: str
    detail: str
    certainty: str


@dataclass(frozen=True)
class _Case:
    """A difference to be explained; ``count`` is the numerator that the form prints beside a rate."""

    rule: Rule
    asked: Asked
    kdb: Printed
    figure: Figure
    ours: Fraction
    figures: Figures
    count: Printed | None


def our_number(asked: Asked, figure: Figure, indicator: Indicator) -> Fraction | None:
    """Our number in the unit of the form; None where there is nothing below the line."""
    if asked.measure == "numerator":
        return figure.numerator * asked.factor
    if asked.measure == "denominator":
        return figure.denominator * asked.factor
    value = indicator.value(figure)
    return None if value is None else value * asked.factor


def explain(
    asked: Asked, kdb: Printed, figure: Figure, ours: Fraction, figures: Figures, count: Printed | None
) -> list[Found]:
    """Every reason that fits, in the order of the rules; what is only possible or unknown where nothing surer fits."""
    indicator = figures.catalogue[asked.key.indicator_id]
    found: dict[str, Found] = {}
    for rule in mapping.reasons():
        if rule.code in found or not rule.is_for(asked.key.indicator_id, indicator.block, asked.measure):
            continue
        certain = {one.certainty for one in found.values()}
        if (rule.certainty == POSSIBLE and EXACT in certain) or (rule.certainty == UNKNOWN and certain):
            continue
        detail = _TESTS[rule.test](_Case(rule, asked, kdb, figure, ours, figures, count))
        if detail is not None:
            found[rule.code] = Found(rule.code, rule.text, detail, rule.certainty)
    return list(found.values())


def _number_of(case: _Case, key: Key) -> Fraction | None:
    """Our number under another key."""
    figure, indicator = case.figures.get(key), case.figures.catalogue.get(key.indicator_id)
    if figure is None or figure.is_hidden or indicator is None:
        return None
    return our_number(replace(case.asked, key=key), figure, indicator)


def _is_it(case: _Case, number: Fraction | None) -> bool:
    return number is not None and case.kdb.is_of(number)


# -- the tests: each returns what to tell, None where it does not fit ---------------------------------
def _truncated(case: _Case) -> str | None:
    return "" if case.kdb.is_truncated(case.ours) else None


def _factor(case: _Case) -> str | None:
    for text in case.rule.arguments:
        if _is_it(case, case.ours * Fraction(text)):
            return f"本システムの値×{text}"
    return None


def _other_indicator(case: _Case) -> str | None:
    for name in case.rule.arguments:
        if _is_it(case, _number_of(case, replace(case.asked.key, indicator_id=name))):
            return case.figures.catalogue[name].name
    return None


def _terms(case: _Case) -> str | None:
    numerator, denominator = (_sum(case, terms) for terms in (case.rule.numerator, case.rule.denominator))
    if numerator is None or not denominator:
        return None
    scale = case.figures.catalogue[case.asked.key.indicator_id].scale
    if not _is_it(case, Fraction(numerator, denominator) * scale * case.asked.factor):
        return None
    return f"分子{numerator:,}、分母{denominator:,}とすると一致"


def _sum(case: _Case, terms: tuple[str, ...]) -> int | None:
    """The sum of terms such as ``N:members`` (numerator) or ``-D:members``; None where one is not known."""
    total = 0
    for term in terms:
        side, _, name = term.lstrip("-").partition(":")
        figure = case.figures.get(replace(case.asked.key, indicator_id=name))
        if figure is None or figure.is_hidden:
            return None
        number = figure.numerator if side == "N" else figure.denominator
        total += -number if term.startswith("-") else number
    return total


def _ages(case: _Case) -> str | None:
    for ages in case.rule.arguments:
        if ages != case.asked.key.ages and _is_it(case, _number_of(case, replace(case.asked.key, ages=ages))):
            return "全年齢" if ages == "all" else f"{ages.replace('-', '～')}歳"
    return None


def _sex(case: _Case) -> str | None:
    for sex in case.rule.arguments:
        if sex != case.asked.key.sex_code and _is_it(case, _number_of(case, replace(case.asked.key, sex_code=sex))):
            return f"本システムの{SEXES[sex]}と一致"
    return None


def _period(case: _Case) -> str | None:
    own = case.asked.key.period
    others = [own.moved(int(steps)) for steps in case.rule.arguments]
    if own.kind == MONTH:
        others.append(Period(YEAR_TO_DATE, own.first))
    if own.kind == YEAR_TO_DATE:
        start = own.first.year if own.first.month >= 4 else own.first.year - 1
        others += [Period(MONTH, own.first), Period(FISCAL_YEAR, date(start, 4, 1))]
    if own.kind == FISCAL_YEAR:
        others += [Period(YEAR_TO_DATE, shifted(own.first, months)) for months in range(10, 5, -1)]
    for period in others:
        if _is_it(case, _number_of(case, replace(case.asked.key, period=period))):
            return f"本システムの{period.name}と一致"
    return None


def _denominator(case: _Case) -> str | None:
    """Whether the rate fits our numerator over another number of people, so many times ours as the rule's two bounds.

    The numerator is the one that the form prints beside the rate; where it prints none this cannot be said.
    """
    indicator = case.figures.catalogue[case.asked.key.indicator_id]
    if case.count is None or case.count.value != case.figure.numerator or not case.figure.numerator:
        return None
    half = Fraction(1, 2 * 10**case.kdb.decimals)
    scaled = case.figure.numerator * indicator.scale * case.asked.factor
    if case.kdb.value <= half:
        return None
    least, most = scaled / (case.kdb.value + half), scaled / (case.kdb.value - half)
    low, high = (Fraction(text) * case.figure.denominator for text in case.rule.arguments)
    if not (low < least and most < high):
        return None
    return f"分子は同じ{case.figure.numerator:,}人、KDBの分母はおよそ{round((least + most) / 2):,}人"


def _between(case: _Case) -> str | None:
    low, high = (Fraction(text) for text in case.rule.arguments)
    if not case.ours or not low <= case.kdb.value / case.ours <= high:
        return None
    return f"KDBは本システムの{float(case.kdb.value / case.ours):.3f}倍"


def _coverage(case: _Case) -> str | None:
    """Months of the period without a figure of the sentinel indicator here, or that an expected delivery lacks."""
    months = case.asked.key.period.month_list
    key = case.asked.key
    held = [
        month
        for month in months
        for name in case.rule.arguments
        if case.figures.get(Key(name, Period(MONTH, month), key.scheme_code, key.area)) is not None
    ]
    missing = [month for month in months if month not in held] if held else []
    incomplete = case.figures.incomplete_months(key.indicator_id, months)
    if missing:
        return f"この保険者の値がない月: {_months(missing)}"
    return f"保険者の一部が届いていない月: {_months(incomplete)}" if incomplete else None


def _months(months: list[date]) -> str:
    return "、".join(f"{month:%Y-%m}" for month in months)


def _unverified(case: _Case) -> str | None:
    indicator = case.figures.catalogue[case.asked.key.indicator_id]
    return None if indicator.is_verified else f"分子: {indicator.numerator_ja}、分母: {indicator.denominator_ja}"


_TESTS: dict[str, Callable[[_Case], str | None]] = {
    "truncated": _truncated,
    "factor": _factor,
    "indicator": _other_indicator,
    "terms": _terms,
    "ages": _ages,
    "sex": _sex,
    "period": _period,
    "denominator": _denominator,
    "between": _between,
    "coverage": _coverage,
    "unverified": _unverified,
}
