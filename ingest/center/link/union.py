"""The loops of linkage over arrays: groups grow bundle by bundle as far as the guards let.

A group is known by its least node. What the guards compare of it hangs on that node: a mask of the sexes, a chain of
nodes with different months of birth, a chain of lives (numbers in force), the day of death, whether a name is known.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ingest.formats.compiled import loop, loop_that_counts

NONE = -1
NEVER = 2**31 - 1
BIRTH_SAME, BIRTH_DIGIT, BIRTH_PART, BIRTH_ANY = range(4)
ALL, NAMELESS, BRANCHLESS, ENROLLED = range(4)
TOLD, LATE, UNHEARD = range(3)
REASONS = (
    "", "decided", "sex", "birth_month", "not_asked", "life_after_death", "live_numbers", "care_numbers", "long_gap",
    "group_size", "ambiguous",
)  # fmt: skip
(
    FINE, DECIDED, SEX, BIRTH_MONTH, NOT_ASKED, LIFE_AFTER_DEATH, LIVE_NUMBERS, CARE_NUMBERS, LONG_GAP, GROUP_SIZE,
    AMBIGUOUS,
) = range(len(REASONS))  # fmt: skip
SIZE, SEXES, DEATH, LAST_START, HAS_NAME, HAS_NUMBER, IS_DECIDED = range(7)
FACTS = 7
MEDICAL, CARE = range(2)
OPEN = 2932896
"""Day 9999-12-31: the end of a number in force."""


@loop  # type: ignore[untyped-decorator]  # Numba has no types that mypy could follow
def leader(parent: Any, node: Any) -> Any:  # pragma: no cover  (compiled)
    """The least node of a node's group; the way there is halved."""
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@loop  # type: ignore[untyped-decorator]
def connect(start: Any, node: Any, parent: Any) -> None:  # pragma: no cover  (compiled)
    """Join whoever lies in one bundle, whatever the guards say: the candidate graph."""
    for bundle in range(start.size - 1):
        one = leader(parent, node[start[bundle]])
        for place in range(start[bundle] + 1, start[bundle + 1]):
            other = leader(parent, node[place])
            if other < one:
                one, other = other, one
            parent[other] = one


@loop  # type: ignore[untyped-decorator]
def flatten(parent: Any) -> None:  # pragma: no cover  (compiled)
    """Every node straight under the least of its group."""
    for node in range(parent.size):
        parent[node] = parent[parent[node]]  # parents are lesser: theirs are flat already


@loop  # type: ignore[untyped-decorator]
def _digits_apart(one: Any, other: Any) -> Any:  # pragma: no cover  (compiled)
    """How many digits of two months (YYYYMM) differ."""
    apart = 0
    for _ in range(6):
        apart += one % 10 != other % 10
        one //= 10
        other //= 10
    return apart


@loop  # type: ignore[untyped-decorator]
def _months_agree(one: Any, other: Any, mode: Any) -> Any:  # pragma: no cover  (compiled)
    if mode == BIRTH_PART:  # the year or the month
        return one // 100 == other // 100 or one % 100 == other % 100
    return _digits_apart(one, other) <= mode


@loop  # type: ignore[untyped-decorator]
def _births_agree(one: Any, other: Any, births: Any, birth_next: Any, mode: Any) -> Any:  # pragma: no cover
    if mode == BIRTH_ANY or births[one] == 0 or births[other] == 0:
        return True
    mine = one
    while mine != NONE:
        theirs = other
        while theirs != NONE:
            if _months_agree(births[mine], births[theirs], mode):
                return True
            theirs = birth_next[theirs]
        mine = birth_next[mine]
    return False


@loop  # type: ignore[untyped-decorator]
def _clash(one: Any, other: Any, is_notice_late: Any, life: Any, life_word: Any) -> Any:  # pragma: no cover
    """Whether two lives are in force on one day under different numbers; see ``guards``. Where a notice may be late,
    one whose end is not known ends where the other begins."""
    if life[one, 0] != life[other, 0] or life[one, 2] <= life[other, 1] or life[other, 2] <= life[one, 1]:
        return False
    if is_notice_late and life[one, 2] == OPEN and life[one, 1] < life[other, 1]:
        return False
    if is_notice_late and life[other, 2] == OPEN and life[other, 1] < life[one, 1]:
        return False
    if life_word[one, 0] != 0 and life_word[other, 0] != 0:
        return life_word[one, 0] != life_word[other, 0]
    if life_word[one, 1] != life_word[other, 1]:
        return True
    return life_word[one, 2] != 0 and life_word[other, 2] != 0 and life_word[one, 2] != life_word[other, 2]


@loop  # type: ignore[untyped-decorator]
def _is_asked(one: Any, other: Any, whom: Any, facts: Any, life_first: Any) -> Any:  # pragma: no cover  (compiled)
    """Whether a rule speaks of these two groups."""
    if whom == NAMELESS:
        return not (facts[one, HAS_NAME] and facts[other, HAS_NAME])
    if whom == BRANCHLESS:
        return not (facts[one, HAS_NUMBER] and facts[other, HAS_NUMBER])
    return whom == ALL or (life_first[one] != NONE and life_first[other] != NONE)


@loop  # type: ignore[untyped-decorator]
def objection(  # pragma: no cover  (compiled)
    one: Any, other: Any, mode: Any, is_notice_late: Any, parent: Any, facts: Any, births: Any, birth_next: Any,
    life: Any, life_word: Any, life_first: Any, life_next: Any, apart: Any, most_gap: Any,
) -> Any:  # fmt: skip
    """Why two groups are not one person (place in ``REASONS``), 0 where nothing speaks against it. ``mode``: how far
    births must agree, whom the rule is for."""
    if facts[one, IS_DECIDED] and facts[other, IS_DECIDED]:
        for pair in range(apart.shape[0]):
            here, there = leader(parent, apart[pair, 0]), leader(parent, apart[pair, 1])
            if (here == one and there == other) or (here == other and there == one):
                return DECIDED
    if facts[one, SEXES] and facts[other, SEXES] and not facts[one, SEXES] & facts[other, SEXES]:
        return SEX
    if not _births_agree(one, other, births, birth_next, mode[0]):
        return BIRTH_MONTH
    if not _is_asked(one, other, mode[1], facts, life_first):
        return NOT_ASKED
    if facts[one, DEATH] <= facts[other, LAST_START] or facts[other, DEATH] <= facts[one, LAST_START]:
        return LIFE_AFTER_DEATH
    gap = NEVER
    mine = life_first[one]
    while mine != NONE:
        theirs = life_first[other]
        while theirs != NONE:
            if _clash(mine, theirs, is_notice_late, life, life_word):
                return CARE_NUMBERS if life[mine, 0] == CARE else LIVE_NUMBERS
            gap = min(gap, max(life[mine, 1] - life[theirs, 2], life[theirs, 1] - life[mine, 2]))
            theirs = life_next[theirs]
        mine = life_next[mine]
    return LONG_GAP if mode[1] == ENROLLED and gap > most_gap else FINE


@loop  # type: ignore[untyped-decorator]
def _may_have_been(  # pragma: no cover  (compiled)
    one: Any, other: Any, mode: Any, parent: Any, facts: Any, births: Any, birth_next: Any, life: Any, life_word: Any,
    life_first: Any, life_next: Any, apart: Any, most_gap: Any,
) -> Any:  # fmt: skip
    """Whether ``other`` may be the past of ``one`` unheard: a number in force of it began before one that is at odds
    with it, and nothing but that the notice of its end never came says that they are two."""
    is_open_at_odds = False
    theirs = life_first[other]
    while theirs != NONE:
        mine = life_first[one]
        while mine != NONE and life[theirs, 2] == OPEN:
            is_open_at_odds |= life[theirs, 1] < life[mine, 1] and _clash(mine, theirs, False, life, life_word)
            mine = life_next[mine]
        theirs = life_next[theirs]
    return is_open_at_odds and objection(
        one, other, mode, True, parent, facts, births, birth_next, life, life_word, life_first, life_next, apart,
        most_gap,
    ) == FINE  # fmt: skip


@loop  # type: ignore[untyped-decorator]
def _is_of(head: Any, heads: Any, circle: Any, first: Any, found: Any) -> Any:  # pragma: no cover  (compiled)
    """Whether a group is one of the ``found`` groups ``heads`` that are of circle ``first``."""
    for known in range(found):
        if heads[known] == head:
            return circle[known] == first
    return False


@loop  # type: ignore[untyped-decorator]
def _is_in_doubt(  # pragma: no cover  (compiled)
    bundled: Any, heads: Any, circle: Any, first: Any, found: Any, start: Any, node: Any, of_node: Any, named: Any,
    mode: Any, most: Any, parent: Any, facts: Any, births: Any, birth_next: Any, life: Any, life_word: Any,
    life_first: Any, life_next: Any, apart: Any, most_gap: Any,
) -> Any:  # fmt: skip
    """Whether a group of a circle that came after another of it may have its past in somebody of its name who is not
    of the circle.

    ``bundled`` are the nodes of the bundle; the circle is ``first`` of ``circle``, of ``found`` groups ``heads``. The
    bundles that hold all of a node's names are ``named[of_node[n]]`` and those up to ``of_node[n + 1]``.
    """
    earliest = NEVER
    for known in range(first, found):
        if circle[known] == first and life_first[heads[known]] != NONE:
            earliest = min(earliest, facts[heads[known], LAST_START])
    for one in bundled:
        head = leader(parent, one)
        if facts[head, LAST_START] == earliest or not _is_of(head, heads, circle, first, found):
            continue
        for place in range(of_node[one], of_node[one + 1]):
            low, high = start[named[place]], start[named[place] + 1]
            if high - low > most * most:  # so many of one name that nothing says whose it is
                return True
            for at in range(low, high):
                other = leader(parent, node[at])
                if not _is_of(other, heads, circle, first, found) and _may_have_been(
                    head, other, mode, parent, facts, births, birth_next, life, life_word, life_first, life_next,
                    apart, most_gap,
                ):  # fmt: skip
                    return True
    return False


@loop  # type: ignore[untyped-decorator]
def absorb(  # pragma: no cover  (compiled)
    one: Any, other: Any, parent: Any, facts: Any, births: Any, birth_next: Any, life_first: Any, life_last: Any,
    life_next: Any,
) -> None:  # fmt: skip
    """Take the group of ``other`` into that of the lesser ``one``."""
    parent[other] = one
    facts[one, SIZE] += facts[other, SIZE]
    facts[one, SEXES] |= facts[other, SEXES]
    facts[one, DEATH] = min(facts[one, DEATH], facts[other, DEATH])
    facts[one, LAST_START] = max(facts[one, LAST_START], facts[other, LAST_START])
    facts[one, HAS_NAME] |= facts[other, HAS_NAME]
    facts[one, HAS_NUMBER] |= facts[other, HAS_NUMBER]
    facts[one, IS_DECIDED] |= facts[other, IS_DECIDED]
    if births[one] == 0:
        births[one], birth_next[one] = births[other], birth_next[other]
    elif births[other] != 0:
        theirs = other
        while theirs != NONE:
            after = birth_next[theirs]
            last, is_known = one, births[one] == births[theirs]
            while birth_next[last] != NONE:
                last = birth_next[last]
                is_known |= births[last] == births[theirs]
            if not is_known:
                birth_next[last], birth_next[theirs] = theirs, NONE
            theirs = after
    if life_first[other] != NONE:
        if life_first[one] == NONE:
            life_first[one] = life_first[other]
        else:
            life_next[life_last[one]] = life_first[other]
        life_last[one] = life_last[other]


@loop_that_counts  # type: ignore[untyped-decorator]
def unite(  # pragma: no cover  (compiled)
    start: Any, node: Any, rank: Any, of_node: Any, named: Any, modes: Any, together: Any, apart: Any, most: Any,
    most_gap: Any,
    parent: Any, facts: Any, births: Any, birth_next: Any, life: Any, life_word: Any, life_first: Any, life_last: Any,
    life_next: Any,
) -> Any:  # fmt: skip
    """Follow the decisions, then the bundles in their order. Returns (joins, refusals).

    ``modes`` by rank: how far births must agree, whom the rule is for, what it makes of notices that did not come:
    TOLD, there are none; LATE, a number without an end may have ended; UNHEARD, who may have come from another number
    of that name, did its end but go unheard, is not given to anybody. All of a name are in bundles ``named`` (by node
    from ``of_node[n]`` on).
    ``facts`` by node: size, mask of sexes, day of death, last day on which a life begins, has a name, has a number of
    its own, is decided about. A row of joins: a node of either group that carries the tokens, rank of the rule (-1: a
    decision). A row of refusals: a node, place in ``REASONS``, rank, edges. All groups that a bundle touches are joined
    where none objects to another; where one agrees with two that object to each other nothing says whose it is, and
    those edges are refused.
    """
    joins = np.empty((parent.size, 3), np.int32)
    joined = 0
    refusals = np.empty((1024, 4), np.int32)
    refused = 0
    for pair in range(together.shape[0]):
        one, other = leader(parent, together[pair, 0]), leader(parent, together[pair, 1])
        if one == other:
            continue
        is_apart = False
        for held in range(apart.shape[0]):
            here, there = leader(parent, apart[held, 0]), leader(parent, apart[held, 1])
            is_apart |= (here == one and there == other) or (here == other and there == one)
        if is_apart:
            if refused == refusals.shape[0]:
                refusals = np.concatenate((refusals, np.empty_like(refusals)))
            refusals[refused, 0], refusals[refused, 1], refusals[refused, 2] = one, DECIDED, -1
            refusals[refused, 3] = 1
            refused += 1
            continue
        if other < one:
            one, other = other, one
        absorb(one, other, parent, facts, births, birth_next, life_first, life_last, life_next)
        joins[joined, 0], joins[joined, 1], joins[joined, 2] = together[pair, 0], together[pair, 1], -1
        joined += 1

    heads = np.empty(most + 1, np.int64)
    witness = np.empty(most + 1, np.int64)  # of each group, the least node in the bundle
    agrees = np.empty((most + 1, most + 1), np.bool_)
    circle = np.empty(most + 1, np.int64)
    counts = np.empty(len(REASONS), np.int64)
    for bundle in range(start.size - 1):
        found = 0
        for place in range(start[bundle], start[bundle + 1]):
            head = leader(parent, node[place])
            is_new = True
            for known in range(found):
                if heads[known] == head:
                    is_new = False
                    witness[known] = min(witness[known], node[place])
                    break
            if is_new:
                if found == most + 1:
                    break
                at = found  # kept in the order of the heads
                while at > 0 and heads[at - 1] > head:
                    heads[at], witness[at] = heads[at - 1], witness[at - 1]
                    at -= 1
                heads[at], witness[at] = head, node[place]
                found += 1
        if found < 2:
            continue
        counts[:] = 0
        rule = rank[bundle]
        if found > most:
            counts[GROUP_SIZE] = start[bundle + 1] - start[bundle] - 1
        else:
            objections = 0
            for one in range(found):
                agrees[one, one] = True
                circle[one] = one
                for other in range(one + 1, found):
                    why = objection(
                        heads[one], heads[other], modes[rule], modes[rule, 2] == LATE, parent, facts, births,
                        birth_next, life, life_word, life_first, life_next, apart, most_gap,
                    )  # fmt: skip
                    agrees[one, other] = agrees[other, one] = why == FINE
                    if why != FINE:
                        counts[why] += 1
                        objections += 1
            if objections and found > 2:  # the circles of those who agree; with two there is none
                for _ in range(found):
                    for one in range(found):
                        for other in range(found):
                            if agrees[one, other] and circle[other] < circle[one]:
                                circle[one] = circle[other]
            else:
                for one in range(found):
                    circle[one] = one if objections else 0
            for first in range(found):
                if circle[first] != first:
                    continue
                size, members, pairs = 0, 0, 0
                for one in range(first, found):
                    if circle[one] == first:
                        size += facts[heads[one], SIZE]
                        members += 1
                        for other in range(one + 1, found):
                            pairs += circle[other] == first and agrees[one, other]
                if members < 2:
                    continue
                if pairs < members * (members - 1) // 2:
                    counts[AMBIGUOUS] += pairs
                elif size > most:
                    counts[GROUP_SIZE] += pairs
                elif modes[rule, 2] == UNHEARD and _is_in_doubt(
                    node[start[bundle] : start[bundle + 1]], heads, circle, first, found, start, node, of_node, named,
                    modes[rule], most, parent, facts, births, birth_next, life, life_word, life_first, life_next,
                    apart, most_gap,
                ):  # fmt: skip
                    counts[AMBIGUOUS] += pairs
                else:
                    for one in range(first + 1, found):
                        if circle[one] == first:
                            absorb(
                                heads[first], heads[one], parent, facts, births, birth_next, life_first, life_last,
                                life_next,
                            )  # fmt: skip
                            joins[joined, 0], joins[joined, 1] = witness[first], witness[one]
                            joins[joined, 2] = rule
                            joined += 1
        for why in range(1, len(REASONS)):
            if counts[why]:
                if refused == refusals.shape[0]:
                    refusals = np.concatenate((refusals, np.empty_like(refusals)))
                refusals[refused, 0], refusals[refused, 1] = node[start[bundle]], why
                refusals[refused, 2], refusals[refused, 3] = rule, counts[why]
                refused += 1
    return joins[:joined], refusals[:refused]


@loop  # type: ignore[untyped-decorator]
def count_shared(start: Any, node: Any, person: Any, shared: Any) -> None:  # pragma: no cover  (compiled)
    """Into ``shared`` (by person) how many nodes lie in a bundle with another of the same person."""
    for bundle in range(start.size - 1):
        low, high = start[bundle], start[bundle + 1]
        for place in range(low, high):
            for other in range(low, high):
                if person[node[other]] == person[node[place]] and node[other] != node[place]:
                    shared[person[node[place]]] += 1
                    break
