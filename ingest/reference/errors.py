"""Why a public table is not taken: every fault with its line, field and remedy, the file as a whole refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingest.formats.reading import FileRefused, reasons

SHOWN = 10
"""So many faults are told in one message; the others are counted."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong in a file; ``line`` is None where it is wrong with the whole."""

    reason_code: str
    message: str
    line: int | None = None
    field: str = ""
    remedy: str | None = None

    def __str__(self) -> str:
        place = " ".join(part for part in (f"{self.line}行目" if self.line else "", self.field) if part)
        remedy = self.remedy if self.remedy is not None else reasons()[self.reason_code].remedy_ja
        return f"{f'{place}: ' if place else ''}{self.message} [{self.reason_code}]。対処: {remedy}"


class ReferenceRefused(FileRefused):
    """Nothing of the file was taken; what stood before stands."""

    def __init__(self, file_name: str, faults: Sequence[Fault]) -> None:
        first = faults[0]
        super().__init__(first.reason_code, first.message, remedy=first.remedy, line=first.line)
        self.file_name = file_name
        self.faults = tuple(faults)

    def __str__(self) -> str:
        """One line a fault, for the operator."""
        if len(self.faults) == 1:
            return f"{self.file_name} {self.faults[0]}"
        lines = [f"{self.file_name}: {len(self.faults)}件の誤りがあり、取り込みませんでした"]
        lines += [f"  {fault}" for fault in self.faults[:SHOWN]]
        if len(self.faults) > SHOWN:
            lines.append(f"  ほか{len(self.faults) - SHOWN}件")
        return "\n".join(lines)
