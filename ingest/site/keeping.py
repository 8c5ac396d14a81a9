"""Rows that are let through: tokenised, put into the tables of the batch, and their persons remembered at the site."""

from __future__ import annotations

import polars as pl

from ingest import stopwatch
from ingest.formats.contracts import CONTRACTS
from ingest.formats.reading import empty_tables
from ingest.identity.directory import Directory
from ingest.identity.tokens import Tokeniser
from ingest.site.batch_tables import BatchTables
from ingest.site.beside import Beside
from ingest.site.members import Members, versions
from ingest.site.triage import FILE

PEOPLE_ROWS = 122_880
"""Forms of persons that the directory is told at a time: so many rows go straight into the file of a DuckDB database,
fewer go into its log first and are written once more when it is closed."""


class Keeping:
    """Keeps the rows of a run at a site of the prefecture."""

    def __init__(
        self,
        tables: BatchTables,
        tokeniser: Tokeniser,
        directory: Directory,
        members: Members | None,
        prefecture_code: str,
        telling: Beside,
    ) -> None:
        """``telling`` is where the directory is told what is said, beside the rest."""
        self._tables = tables
        self._tokeniser = tokeniser
        self._directory = directory
        self._members = members
        self._prefecture_code = prefecture_code
        self._people: list[pl.DataFrame] = []  # what the directory is to be told
        self._telling = telling

    def keep(self, kept: dict[str, pl.DataFrame], file_ids: pl.Series) -> dict[str, pl.DataFrame]:
        """Keep plain tables with the place of their files, whose ids are ``file_ids``; what goes into the batch of
        them, with the place."""
        plain = {name: frame.drop(FILE) for name, frame in kept.items()}
        with stopwatch.lap("tokenise"):
            sealed = self._tokeniser.seal_tables(plain, self._prefecture_code)
        self._people.append(sealed.people)
        if sum(people.height for people in self._people) >= PEOPLE_ROWS:
            self._tell_directory()
        if self._members is not None and "enrolment" in plain:
            self._telling.settle()  # it uses the same database
            with stopwatch.lap("members"):
                keys = sealed.tables["enrolment"]["record_key_tag"]
                tags = self._tokeniser.member_tags(plain["enrolment"])
                self._members.remember(versions(plain["enrolment"], keys, tags))
        with stopwatch.lap("write"):
            for name, frame in sealed.tables.items():
                self._tables.add_facts(name, frame, file_ids.gather(kept[name][FILE]))
            self._tables.add_identities(sealed.identity, sealed.identity_pass)
        return {name: frame.with_columns(kept[name][FILE]) for name, frame in sealed.tables.items()}

    def finish(self) -> dict[str, int]:
        """No more rows come: how many each contract table of the batch has. The directory is told meanwhile."""
        empty = self._tokeniser.seal_tables(empty_tables("claim"), self._prefecture_code)
        self._tables.add_identities(empty.identity, empty.identity_pass)  # the tables are there, whatever came
        self._tell_directory()
        with stopwatch.lap("write"):
            rows = self._tables.finish()
        self._telling.settle()
        return {name: rows[name] for name in CONTRACTS}

    def _tell_directory(self) -> None:
        """Tell it of whom it has not been told, while other rows are kept."""
        people, self._people = self._people, []
        if people:
            self._telling.do(self._remember, people)

    def _remember(self, people: list[pl.DataFrame]) -> None:
        with stopwatch.lap("directory"):
            self._directory.remember(pl.concat(people))
