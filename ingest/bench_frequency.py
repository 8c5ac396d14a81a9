"""How much of the tokens a thief of the center could undo by counting them: `tsumugi bench frequency`.

Equal persons give equal tokens, so a common name would give a common token. The attack is that of matching ranks: who
knows how often every value occurs among the people, to within one percent, sorts values and tokens by their number and
lays the two lists side by side. It is tried on the tokens of every linkage pass that a site really seals, and beside
them, to show that it works where it can, on tokens over a single field, which Tsumugi does not make.
Source: shared/domain/security.md A1 (measured there on simulated names).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from ingest.formats.contracts import CARE_CERTIFICATION, ENROLMENT
from ingest.identity.tokens import SealedTables, Tokeniser
from ingest.progress import ProgressCallback
from ingest.synth.settings import SynthSettings
from ingest.synth.world.care import make_certification
from ingest.synth.world.coverage import make_coverage
from ingest.synth.world.enrolment import make_enrolment
from ingest.synth.world.lives import live
from ingest.synth.world.numbers import make_records
from ingest.synth.world.people import make_people
from ingest.synth.world.towns import make_towns

KNOWN_WITHIN = 0.01
"""The attacker's numbers are off by at most this share (security.md A1)."""
GOAL = 0.0001
"""At most this share of the rows of a pass may be recovered (issue goal; security.md E 9)."""
TRIED_ALONE = {
    "sex": pl.col("sex_code"),
    "surname": pl.col("name_kana").str.extract(r"^(\S+)\s"),
    "birth_date": pl.col("birth_date").cast(pl.String),
}
"""Single fields; on the first two the attack must succeed, or it proves nothing."""
_KEY = bytes(range(64))


def run(settings: SynthSettings, progress: ProgressCallback) -> dict[str, Any]:
    """Seal the 資格 and 認定 of a synthetic world, attack the tokens by counting.

    Returns people (distinct identities), ``passes`` and ``single_fields``: by name the rows, distinct tokens and
    ``recovered_share`` of the rows, and ``worst_share``, the largest share of a pass, beside ``goal``.
    """
    progress("people", 0, 3)
    enrolment, certification = _records(settings)
    progress("tokens", 1, 3)
    tokeniser = Tokeniser(_KEY, 1)
    sealed = tokeniser.seal_tables({"enrolment": enrolment, "care_certification": certification}, "16")
    progress("attack", 2, 3)
    random = np.random.default_rng(settings.seed)
    passes = {
        str(pass_id): _attacked(rows["pass_tag"], random)
        for (pass_id,), rows in sealed.identity_pass.sort("pass_id").group_by("pass_id", maintain_order=True)
    }
    alone = {name: _attacked(_alone(tokeniser, sealed, field), random) for name, field in TRIED_ALONE.items()}
    progress("attack", 3, 3)
    return {
        "people": sealed.identity.height,
        "passes": passes,
        "single_fields": alone,
        "worst_share": max(figures["recovered_share"] for figures in passes.values()),
        "goal": GOAL,
    }


def recovered(tokens: pl.Series, random: np.random.Generator) -> float:
    """Share of the rows whose token an attacker lays beside the right value.

    ``tokens`` is one a row. A token stands for one value, so the right answer is known without the value: the
    attacker's own number of it is the true one, off by up to ``KNOWN_WITHIN``; tokens of one number come in any order.
    """
    if tokens.is_empty():
        return 0.0
    counts = tokens.alias("token").value_counts().sort("token")["count"].to_numpy()
    known = counts * (1 + random.uniform(-KNOWN_WITHIN, KNOWN_WITHIN, len(counts)))
    any_order = random.permutation(len(counts))
    by_token = any_order[np.argsort(-counts[any_order], kind="stable")]
    by_value = np.argsort(-known, kind="stable")
    return float(counts[by_token[by_token == by_value]].sum() / counts.sum())


def _attacked(tokens: pl.Series, random: np.random.Generator) -> dict[str, Any]:
    return {"rows": len(tokens), "tokens": tokens.n_unique(), "recovered_share": round(recovered(tokens, random), 7)}


def _alone(tokeniser: Tokeniser, sealed: SealedTables, field: pl.Expr) -> pl.Series:
    """Tokens over one field of every person, as nobody should make them."""
    people = sealed.people.group_by("identity_tag", maintain_order=True).agg(field.max().alias("text"))
    return tokeniser.tags("alone", people["text"].drop_nulls())


def _records(settings: SynthSettings) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Contract tables of everybody's 資格 and 認定, without the noise that would make tokens rarer."""
    towns = make_towns(settings)
    people = make_people(settings, towns)
    lives = live(settings, towns, people)
    records = make_records(settings, towns, people, lives)
    enrolment = make_enrolment(settings, towns, people, lives, records)
    events = make_certification(settings, towns, people, lives, make_coverage(settings, records)).events
    return (
        enrolment.select(*ENROLMENT.plain_schema()).cast(ENROLMENT.plain_schema()),  # type: ignore[arg-type]
        events.select(*CARE_CERTIFICATION.plain_schema()).cast(CARE_CERTIFICATION.plain_schema()),  # type: ignore[arg-type]
    )
