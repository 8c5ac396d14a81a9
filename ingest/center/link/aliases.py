"""The log of ids that persons had before: what changed, in which build, for which reason.

A log, not a state: it tells how the warehouse came about, so a rebuild begins it anew. Whoever holds an old id (a
report, a list that a town printed) finds by it who that is now.
"""

from __future__ import annotations

from datetime import date

import duckdb


def log_aliases(connection: duckdb.DuckDBPyConnection, reference_month: date, build_sequence: int) -> None:
    """Note old and new id of the identities in ``temp.moved``; ``link.identity_person`` is still as before.

    The reason: ``manual`` where a decision in ``control.decided_identity`` names one of the identities, ``split`` where
    those of the old id have several new ones, ``merge`` where those of the new id had several, else ``late_record``:
    an enrolment or certification that came later is now the person's first.
    """
    connection.execute(
        """
        INSERT INTO link.alias
        WITH step AS (
            SELECT was.person_id AS old_person_id, now.person_id AS new_person_id,
                   (linkage_domain, identity_tag) IN (FROM control.decided_identity) AS is_decided
            FROM solved_person AS now JOIN link.identity_person AS was USING (linkage_domain, identity_tag)
        ), old AS (
            SELECT old_person_id, bool_or(is_decided) AS is_decided, count(DISTINCT new_person_id) > 1 AS is_several
            FROM step GROUP BY old_person_id
        ), new AS (
            SELECT new_person_id, bool_or(is_decided) AS is_decided, count(DISTINCT old_person_id) > 1 AS is_several
            FROM step GROUP BY new_person_id
        )
        SELECT DISTINCT old_person_id, new_person_id, ?, ?::DATE, CASE
            WHEN old.is_decided OR new.is_decided THEN 'manual'
            WHEN old.is_several THEN 'split'
            WHEN new.is_several THEN 'merge'
            ELSE 'late_record' END
        FROM temp.moved JOIN old USING (old_person_id) JOIN new USING (new_person_id)""",
        [build_sequence, reference_month],
    )
