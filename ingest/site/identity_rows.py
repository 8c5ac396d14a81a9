"""The identities of a run and their passes: parts of a delivery repeat them, a batch names each once.

An identity goes on when it is first named. Passes, of which there are most, wait until all are there, since a token
that too many share is left out. They wait as numbers: of an identity and of a pass its own, of a token its two words.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingest.identity.tag_numbers import Numbers, TagNumbers, tags, words

PASS_SCHEMA: dict[str, pl.DataType] = {
    "identity_tag": pl.Binary(),
    "pass_id": pl.String(),
    "purpose": pl.String(),
    "pass_tag": pl.Binary(),
}
GATHERED_ROWS = 1_000_000
"""Rows of passes that are gathered before it is looked for those that stand twice."""
SLICE_ROWS = 200_000
"""Rows of passes that are put into words again at a time."""
_WAITING: dict[str, pl.DataType] = {
    "identity": pl.UInt32(),
    "pass": pl.UInt16(),
    "low": pl.UInt64(),
    "high": pl.UInt64(),
}


class IdentityRows:
    """Who was named in a run, and the passes of all of them (see ``tokens.SealedTables``)."""

    def __init__(self) -> None:
        self._people = TagNumbers()
        self._said = np.empty(0, np.uint64)  # by identity the hash of what the batch says of it
        self._said_otherwise: set[tuple[int, int]] = set()
        self._is_again = np.empty(0, bool)  # by identity whether it was named by several parts
        self._passes: dict[tuple[str, str], int] = {}  # number by id and purpose
        self._rows = pl.DataFrame(schema=_WAITING)
        self._gathered: list[pl.DataFrame] = []

    def add(self, identity: pl.DataFrame, identity_pass: pl.DataFrame) -> pl.DataFrame:
        """Add identities, each once, and their passes; gives what is new of the identities."""
        before = len(self._people)
        number = self._people.of(words(identity["identity_tag"]))
        is_new = self._say(identity, number, before)
        self._is_again[number[number < before]] = True
        self._gathered.append(
            pl.DataFrame(
                {
                    "identity": self._people.of(words(identity_pass["identity_tag"])).astype(np.uint32),
                    "pass": self._pass_numbers(identity_pass),
                    **dict(zip(("low", "high"), words(identity_pass["pass_tag"]).T.copy(), strict=True)),
                },
                schema=_WAITING,
            )
        )
        if sum(rows.height for rows in self._gathered) >= max(GATHERED_ROWS, self._rows.height):
            self._settle()
        return identity if is_new.all() else identity.filter(is_new)

    def withhold_shared(self, most: int) -> dict[str, int]:
        """Leave out tokens that more than ``most`` identities share, such as those of a stand-in number; rows by pass.

        By how often it occurs such a token would tell what it stands for, and would tie strangers into one person.
        """
        self._settle()
        frequent = self._frequent(most)
        purposes = [purpose for _, purpose in self._passes]
        ids = pl.Series([pass_id for pass_id, _ in self._passes], dtype=pl.String())
        known = self._rows[frequent].with_columns(
            pl.Series(frequent).alias("row"),
            pl.col("pass")
            .replace_strict(range(len(purposes)), [purposes.index(one) for one in purposes])
            .alias("purpose"),
        )
        token = ["purpose", "low", "high"]
        shared = known.group_by(token).agg(pl.col("identity").n_unique()).filter(pl.col("identity") > most)
        withheld = known.join(shared, on=token, how="semi")
        if withheld.is_empty():
            return {}
        is_kept = np.ones(self._rows.height, bool)
        is_kept[withheld["row"].to_numpy()] = False
        self._rows = self._rows.filter(is_kept)
        return dict(ids.gather(withheld["pass"]).value_counts().sort("").iter_rows())

    def forget_all_but(self, spoken_of: pl.Series) -> None:
        """Take out the passes of identities whose tags are not among these."""
        self._settle()
        is_kept = np.zeros(len(self._people), bool)
        is_kept[self._people.of(words(spoken_of))] = True
        self._rows = self._rows.filter(is_kept[self._rows["identity"].to_numpy()])

    def passes(self) -> Iterator[pl.DataFrame]:
        """The passes (``PASS_SCHEMA``), some rows at a time."""
        self._settle()
        pass_ids, purposes = (pl.Series([name[at] for name in self._passes], dtype=pl.String()) for at in (0, 1))
        for rows in self._rows.iter_slices(SLICE_ROWS):
            number = rows["pass"]
            yield pl.DataFrame(
                {
                    "identity_tag": tags(self._people.words(rows["identity"].to_numpy())),
                    "pass_id": pass_ids.gather(number),
                    "purpose": purposes.gather(number),
                    "pass_tag": tags(rows.select("low", "high").to_numpy(order="c")),
                },
                schema=PASS_SCHEMA,
            )

    def _say(self, identity: pl.DataFrame, number: Numbers, before: int) -> NDArray[np.bool_]:
        """Which identities are named for the first time, or said to be something else than before."""
        more = len(self._people) - before
        self._said = np.concatenate([self._said, np.empty(more, np.uint64)])
        self._is_again = np.concatenate([self._is_again, np.zeros(more, bool)])
        # Name and ciphertext are those of the tag.
        said = identity.drop("identity_tag", "ciphertext", strict=False).hash_rows().to_numpy()
        is_new = number >= before
        self._said[number[is_new]] = said[is_new]
        for row in np.flatnonzero(~is_new & (self._said[number] != said)).tolist():
            other = int(number[row]), int(said[row])
            is_new[row] = other not in self._said_otherwise
            self._said_otherwise.add(other)
        return is_new

    def _pass_numbers(self, identity_pass: pl.DataFrame) -> NDArray[np.uint16]:
        """Of each row the number of its pass. Tokens come pass by pass, so one is looked up once a run of rows."""
        names = identity_pass.select("pass_id", "purpose")
        begins = names.select(pl.any_horizontal(pl.all().ne_missing(pl.all().shift())) | (pl.int_range(pl.len()) == 0))
        starts = begins.to_series().arg_true()
        runs = [
            self._passes.setdefault((id_, purpose), len(self._passes)) for id_, purpose in names[starts].iter_rows()
        ]
        sizes = [end - start for start, end in pairwise([*starts, names.height])]
        return np.repeat(np.array(runs, np.uint16), sizes)

    def _settle(self) -> None:
        """Put what was gathered to the rest, each row once: only who is named by several parts can have one twice."""
        if not self._gathered:
            return
        rows = pl.concat([self._rows, *self._gathered])
        self._gathered = []
        is_again = pl.Series(self._is_again[rows["identity"].to_numpy()], dtype=pl.Boolean())
        self._rows = pl.concat([rows.filter(~is_again), rows.filter(is_again).unique()]) if is_again.any() else rows

    def _frequent(self, most: int) -> NDArray[np.intp]:
        """Rows whose token may stand in more than ``most``: of most tokens none is ever compared with another."""
        low = self._rows["low"].to_numpy()
        places = (low & np.uint64((1 << len(low).bit_length()) - 1)).astype(np.int64)
        return np.flatnonzero(np.bincount(places)[places] > most) if len(low) else np.empty(0, np.intp)
