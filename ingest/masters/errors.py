"""Why a master file is not taken: file, line, field, what is wrong and what to do about it."""

from __future__ import annotations

from ingest.formats.reading import FileRefused


class MasterRefused(FileRefused):
    """A master file, or the store itself, cannot be used; the store stays as it was."""

    def __init__(
        self,
        reason_code: str,
        file_name: str,
        message: str,
        *,
        line: int | None = None,
        field: str = "",
        remedy: str | None = None,
    ) -> None:
        super().__init__(reason_code, message, remedy=remedy, line=line)
        self.file_name = file_name
        self.field = field

    def __str__(self) -> str:
        """One line for the operator."""
        place = " ".join(part for part in (f"{self.line}行目" if self.line else "", self.field) if part)
        where = f"{self.file_name} ({place})" if place else self.file_name
        return f"{where}: {self.message} [{self.reason_code}]。対処: {self.remedy}"
