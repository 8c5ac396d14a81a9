"""The identity directory: the site's own memory of who stands behind an identity.

An encrypted DuckDB file at the site, never sealed. It keeps every form in which a person was named
(kanji, kana, address, numbers) with the first and last month in which it stood; what a list shows is
the form of the register (資格) before any other, then the latest month, then the greatest text: a
function of the content, so the order of the files does not matter.
"""

from __future__ import annotations

import duckdb
import polars as pl
import pyarrow as pa

from ingest.arrow import as_arrow
from ingest.identity.cipher import TAG_BYTES
from ingest.identity.evidence import PEOPLE_SCHEMA, WRITTEN
from ingest.identity.tokens import Tokeniser
from ingest.sealing.errors import SealingError

_TYPES = {pl.Binary(): "BLOB", pl.String(): "VARCHAR", pl.Date(): "DATE", pl.Boolean(): "BOOLEAN"}
# Functions of the rest, or of when it was said.
_MADE = ("identity_tag", "first_month", "last_month", "insured_key", "own_branch")
_CONTENT = [name for name in PEOPLE_SCHEMA if name not in _MADE]
_NOTHING, _BETWEEN = "chr(30)", "chr(31)"  # stand in no text that anybody writes
_FORM_ID = (
    f"left(sha256(concat_ws({_BETWEEN}, "
    + ", ".join(f"coalesce({name}::VARCHAR, {_NOTHING})" for name in _CONTENT)
    + ")), 32)::UUID"
)
"""What tells a form from every other one: 128 bits, as a number, which DuckDB joins and keeps for less than a text."""


class DirectoryError(SealingError):
    """The directory cannot be written, or what came back does not agree with it; counts only, no value."""


class Directory:
    """The directory in the database that ``connection`` uses (see ``warehouse.open_database``).

    ``sequence`` is the batch that what is remembered belongs to; ``forget`` takes that batch's part out again.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, sequence: int = 0) -> None:
        self._connection = connection
        self._sequence = sequence
        # What a run adds is tidied into the file once, when it is closed; a killed run's is in the encrypted log.
        connection.execute("SET wal_autocheckpoint = '1GB'")
        _number_forms_of_before(connection)
        # No primary keys: an index on them costs more than the joins that keep a form once.
        columns = ", ".join(f"{name} {_TYPES[dtype]}" for name, dtype in PEOPLE_SCHEMA.items())
        connection.execute(f"CREATE TABLE IF NOT EXISTS people (form_id UUID, {columns})")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS people_batch (form_id UUID, sequence BIGINT, first_month DATE, last_month DATE)"
        )

    def remember(self, people: pl.DataFrame) -> int:
        """Add what deliveries say of their persons (``PEOPLE_SCHEMA``); returns how many rows that were.

        The same form again only widens its months; doing it twice changes nothing. Every call looks through the whole
        directory, so it is told of many persons at once.
        """
        self._connection.register("incoming_people", as_arrow(people.with_row_index("place")))
        try:
            # What is wide goes to DuckDB once, when it is known to be new.
            self._connection.execute(
                "CREATE OR REPLACE TEMP TABLE told_forms AS SELECT form_id, min(place) AS place, "
                "min(first_month) AS first_month, max(last_month) AS last_month "
                f"FROM (SELECT {_FORM_ID} AS form_id, place, first_month, last_month FROM incoming_people) "
                "GROUP BY form_id"
            )
            self._widen("people_batch", f"known.sequence = {self._sequence}")
            self._connection.execute(
                f"""
                INSERT INTO people_batch
                SELECT form_id, {self._sequence}, first_month, last_month FROM temp.told_forms
                ANTI JOIN (FROM people_batch WHERE sequence = {self._sequence}) USING (form_id)"""
            )
            self._widen("people")
            new = self._connection.execute(
                "SELECT form_id::BLOB AS form_id, place, first_month, last_month "
                "FROM temp.told_forms ANTI JOIN people USING (form_id) ORDER BY place"
            ).to_arrow_table()
            self._connection.register("new_people", _with_numbers(people, new))
            self._connection.execute("INSERT INTO people BY NAME FROM new_people")
            self._connection.unregister("new_people")
            self._connection.execute("DROP TABLE temp.told_forms")
        except duckdb.Error as error:
            # DuckDB's own text may quote a row, so it goes no further.
            raise DirectoryError(f"the directory could not be written ({type(error).__name__})") from None
        finally:
            self._connection.unregister("incoming_people")
        return people.height

    def _widen(self, table: str, only: str = "true") -> None:
        """The months of the forms in ``table`` that are known already; what says nothing new is not written again."""
        first, last = (
            f"{wider}(known.{name}, told.{name})"
            for wider, name in (("least", "first_month"), ("greatest", "last_month"))
        )
        self._connection.execute(
            f"""
            UPDATE {table} AS known SET first_month = {first}, last_month = {last} FROM temp.told_forms AS told
            WHERE known.form_id = told.form_id AND {only}
            AND ({first} IS DISTINCT FROM known.first_month OR {last} IS DISTINCT FROM known.last_month)"""
        )

    def identities(self) -> int:
        """How many distinct identities this site has ever named."""
        found = self._connection.execute("SELECT count(DISTINCT identity_tag) FROM people").fetchone()
        return int(found[0]) if found else 0

    def forget(self, sequence: int) -> int:
        """Take out what only the batch ``sequence`` said; returns the forms that nobody says any more.

        Forms that other batches say too keep the months in which those say them. A repeat changes nothing.
        """
        self._connection.execute("BEGIN")
        try:
            self._connection.execute(
                "CREATE OR REPLACE TEMP TABLE unsaid AS SELECT form_id FROM people_batch WHERE sequence = ?",
                [sequence],
            )
            self._connection.execute("DELETE FROM people_batch WHERE sequence = ?", [sequence])
            gone = self._connection.execute(
                "DELETE FROM people WHERE form_id IN (SELECT form_id FROM temp.unsaid) "
                "AND form_id NOT IN (SELECT form_id FROM people_batch)"
            ).fetchone()
            self._connection.execute(
                "UPDATE people SET first_month = kept.first_month, last_month = kept.last_month FROM ("
                "SELECT form_id, min(first_month) AS first_month, max(last_month) AS last_month FROM people_batch "
                "SEMI JOIN temp.unsaid USING (form_id) GROUP BY form_id) AS kept "
                "WHERE people.form_id = kept.form_id"
            )
            self._connection.execute("DROP TABLE temp.unsaid")
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        return int(gone[0]) if gone else 0

    def rekey(self, tokeniser: Tokeniser) -> None:
        """Give every form the tag of its identity under a new epoch; a repeat changes nothing."""
        texts = self._connection.execute("SELECT DISTINCT identity_text FROM people").pl()["identity_text"]
        tags = pl.DataFrame(
            {"identity_text": texts, "new_tag": tokeniser.tags("identity", texts)},
            schema={"identity_text": pl.String(), "new_tag": pl.Binary()},
        )
        self._connection.register("new_tags", tags)
        try:
            self._connection.execute(
                "UPDATE people SET identity_tag = new_tag FROM new_tags "
                "WHERE people.identity_text = new_tags.identity_text AND identity_tag <> new_tag"
            )
        finally:
            self._connection.unregister("new_tags")

    def lookup(self, identity_tags: pl.Series) -> pl.DataFrame:
        """Names, address and numbers behind identity tags, one row for each tag that is known.

        What the rows of the tag itself do not say (a claim without a name) is taken from the rows of
        the same number, birth date, sex and branch; without a branch only where that is one person.
        Columns: identity_tag, the shown attributes, first_month, last_month.
        """
        asked = pl.DataFrame({"identity_tag": identity_tags.cast(pl.Binary()).unique()})
        # "Is it there" stands before the rank, so an empty form never hides a known one.
        best = ", ".join(
            f"arg_max({name}, row({name} IS NOT NULL, is_register, last_month, {name})) AS {name}" for name in WRITTEN
        )
        self._connection.register("asked_tags", asked)
        try:
            return self._connection.execute(
                f"""
                WITH own AS (
                    SELECT DISTINCT people.identity_tag, insured_key, own_branch
                    FROM people JOIN asked_tags ON people.identity_tag = asked_tags.identity_tag
                ), branches AS (
                    SELECT insured_key, count(DISTINCT own_branch) AS branch_count
                    FROM people WHERE insured_key IN (SELECT insured_key FROM own) GROUP BY insured_key
                ), forms AS (
                    SELECT own.identity_tag AS asked_tag, people.*
                    FROM own
                    JOIN branches ON own.insured_key = branches.insured_key
                    JOIN people ON own.insured_key = people.insured_key
                    WHERE own.identity_tag = people.identity_tag OR own.own_branch = people.own_branch
                        OR branch_count <= 1
                )
                SELECT asked_tag AS identity_tag, {best}, min(first_month) AS first_month,
                    max(last_month) AS last_month
                FROM forms GROUP BY asked_tag ORDER BY asked_tag
                """
            ).pl()
        finally:
            self._connection.unregister("asked_tags")

    def reidentify(self, returned: pl.DataFrame, tokeniser: Tokeniser) -> pl.DataFrame:
        """``lookup`` of identities that came back, each opened and held against the directory.

        ``returned`` has ``identity_tag`` and ``ciphertext``, both of the epoch of ``tokeniser``, which may be one
        before the directory's own. Raises TokenError where a ciphertext does not open and DirectoryError where it
        opens to somebody who is unknown here, or another than its tag names here.
        """
        distinct = returned.select("identity_tag", "ciphertext").unique()
        if not (distinct["ciphertext"].bin.slice(0, TAG_BYTES) == distinct["identity_tag"]).all():
            raise DirectoryError("a ciphertext came back beside the tag of another identity")
        opened = tokeniser.open_identity(distinct["ciphertext"].to_list())
        self._connection.register("opened_identities", opened.select("identity_tag", "identity_text"))
        try:
            # By the text: after a rotation what was sealed before it comes back under the tag of before.
            found = self._connection.execute(
                "WITH known AS (SELECT DISTINCT identity_tag, identity_text FROM people) "
                "SELECT opened_identities.identity_tag AS returned_tag, same.identity_tag AS known_tag, "
                "other.identity_text <> opened_identities.identity_text AS is_other FROM opened_identities "
                "LEFT JOIN known AS same ON same.identity_text = opened_identities.identity_text "
                "LEFT JOIN known AS other ON other.identity_tag = opened_identities.identity_tag"
            ).pl()
        finally:
            self._connection.unregister("opened_identities")
        other = found.filter(pl.col("is_other")).height
        unknown = found.filter(pl.col("known_tag").is_null() & ~pl.col("is_other").fill_null(False)).height
        if unknown or other:
            raise DirectoryError(f"of {opened.height} identities {unknown} are unknown here, {other} are somebody else")
        own = self.lookup(found["known_tag"]).rename({"identity_tag": "known_tag"})
        named = found.select(pl.col("returned_tag").alias("identity_tag"), "known_tag").join(own, on="known_tag")
        return named.drop("known_tag").sort("identity_tag")


def _with_numbers(people: pl.DataFrame, new: pa.Table) -> pa.Table:
    """The rows of ``people`` at the places of ``new`` with the number and the months of their form."""
    found = people.drop("first_month", "last_month")[new.column("place").to_numpy()]
    ids = new.column("form_id").combine_chunks().cast(pa.binary(TAG_BYTES))
    told = as_arrow(found).append_column("form_id", pa.ExtensionArray.from_storage(pa.uuid(), ids))
    return told.append_column("first_month", new.column("first_month")).append_column(
        "last_month", new.column("last_month")
    )


def _number_forms_of_before(connection: duckdb.DuckDBPyConnection) -> None:
    """An older directory tells a form by a text, ``content_hash``, that holds the tag of its identity too."""
    named = "SELECT 1 FROM duckdb_columns() WHERE database_name = current_database() AND column_name = 'content_hash'"
    if connection.execute(named).fetchone() is None:
        return
    connection.execute("BEGIN")
    try:
        connection.execute(f"CREATE TEMP TABLE numbered AS SELECT content_hash, {_FORM_ID} AS form_id FROM people")
        for table in ("people", "people_batch"):
            connection.execute(
                f"CREATE TABLE new_{table} AS SELECT form_id, {table}.* EXCLUDE (content_hash) "
                f"FROM {table} JOIN temp.numbered USING (content_hash)"
            )
            connection.execute(f"DROP TABLE {table}")
            connection.execute(f"ALTER TABLE new_{table} RENAME TO {table}")
        connection.execute("DROP TABLE temp.numbered")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
