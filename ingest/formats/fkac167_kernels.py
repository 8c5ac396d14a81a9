"""The loop over the results of an examination, compiled: which items it has, and what each says.

Texts are numbers here (``bytecsv.Vocabulary``, 0 a blank field); what a text says comes in as tables by number.
"""

from __future__ import annotations

from typing import Any

from numba import njit

BLANK, NOT_DONE, NOT_MEASURABLE = 1, 2, 4
"""What a text says that is no value."""
NO_FLAG, FLAG_H, FLAG_L, ODD_FLAG = 0, 1, 2, 3


@njit(cache=True, nogil=True)
def result_lines(
    ids: Any, value_fields: Any, value_bounds: Any, flag_fields: Any, flag_bounds: Any, is_numeric: Any, methods: int,
    unread: Any, says: Any, flag_of: Any,
    row: Any, place: Any, number: Any, code: Any, unit: Any, method: Any, status: Any, odd: Any,
) -> int:  # fmt: skip
    """Results of the rows of ``ids`` (rows x fields), in order of row and item; gives how many.

    The fields of item ``i`` are ``value_fields[value_bounds[i]:value_bounds[i + 1]]``, the first that is not blank
    counts; so for its flags. ``number`` and ``code`` get the text of the value, 0 for none, ``unit`` the item where it
    has one, else one more than the last item, ``method`` the item times ``methods`` plus the choice among its fields,
    ``status`` 0 measured, 1 not done, 2 not measurable, 3 high, 4 low. A row with a text that is no value of its
    item (``unread``, items x texts) or with a flag that is none is ``odd`` and has no results.
    """
    found, items = 0, is_numeric.size
    for line in range(ids.shape[0]):
        begin = found
        for item in range(items):
            value, choice = 0, 0
            for at in range(value_bounds[item], value_bounds[item + 1]):
                text = ids[line, value_fields[at]]
                if text and not says[text] & BLANK:
                    value, choice = text, at - value_bounds[item]
                    break
            flag = NO_FLAG
            for at in range(flag_bounds[item], flag_bounds[item + 1]):
                text = ids[line, flag_fields[at]]
                if text and flag_of[text] != NO_FLAG:
                    flag = flag_of[text]
                    break
            if value == 0 and flag == NO_FLAG:
                continue
            if flag == ODD_FLAG or unread[item, value]:
                odd[line] = True
                break
            none = says[value]
            row[found], place[found], method[found] = line, item, item * methods + choice
            has_value = none == 0
            number[found] = value if has_value and is_numeric[item] else 0
            code[found] = value if has_value and not is_numeric[item] else 0
            unit[found] = item if has_value and is_numeric[item] else items
            told = 3 if flag == FLAG_H else 4 if flag == FLAG_L else 0
            status[found] = 1 if none & NOT_DONE else 2 if none & NOT_MEASURABLE else told
            found += 1
        if odd[line]:
            found = begin
    return found
