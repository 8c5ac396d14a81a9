"""Puts what insurers know into files as a 連合会 receives them: by site, stream and month of delivery."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from ingest.formats import enrolment_profile
from ingest.formats.enrolment_proposal import propose
from ingest.synth.calibration import seed
from ingest.synth.noise import Parcel
from ingest.synth.sent import first_delivery, following_care, last_delivery, parted_care, sent_guidance
from ingest.synth.settings import SynthSettings
from ingest.synth.world.care_lines import care_lines, high_costs
from ingest.synth.world.chance import stream
from ingest.synth.world.clock import month_date, month_of
from ingest.synth.writers.care import write_care_1111, write_care_5311, write_care_7131
from ingest.synth.writers.checkup_xml import write_checkup_archive
from ingest.synth.writers.counts import write_care_insured_count, write_district_set, write_population
from ingest.synth.writers.enrolment import write_enrolment, write_vendor_enrolment
from ingest.synth.writers.fkac167 import items_of, write_fkac167
from ingest.synth.writers.uke import Edition, write_uke

CUT_FILES = (
    "medical/medical_koki_??????.UKE",
    "dental/dental_koki_??????.UKE",
    "pharmacy/pharmacy_koki_??????.UKE",
    "enrolment/enrolment_kokuho_??????.csv",
    "checkup/FKAC167_??????.csv",
    "care_claim/care_1111_??????.csv",
    "care_certification/care_5311_??????.csv",
)
SECOND_CODE_EVERY = 3  # months of delivery whose 給付実績 has the 交換情報識別番号 1112
SENDS_XML_OF = 8  # of so many institutions one
PARCEL_FRAMES = ("claims", "diagnoses", "items", "records")
FOLDERS = {"dental": "dental", "pharmacy": "pharmacy"}
INSURER_EDITION_EVERY, INSURER_EDITION_FROM = 12, 6
"""Every so many months a site receives its receipts in the insurers' edition, all kinds in one file: in the month
in which month number, number of the site and the second number sum to a multiple of the first."""
BY_ERA_KINDS = ("dental",)
BY_ERA_MONTHS = 1
"""Files with dates by era: of dentists at the sites of an odd number, and all of the first months."""
VENDOR_INSURER = "160150"
"""朝日町: its system prints 資格 under headings of its own."""
TERM_4_FROM = date(2024, 4, 1)  # 第4期: FKAC167 with the columns of 2024


@dataclass
class Desk:
    """Writes the files of a world; counts them and their rows."""

    workspace: Path
    settings: SynthSettings
    files: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    waiting: dict[int, list[Parcel]] = field(default_factory=dict)
    owed: list[tuple[pl.DataFrame, pl.DataFrame]] = field(default_factory=list)

    @property
    def first(self) -> int:
        """The first month of delivery."""
        return first_delivery(self.settings)

    @property
    def last(self) -> int:
        """The last month of delivery."""
        return last_delivery(self.settings)

    def path(self, site: str, stream_name: str, name: str) -> Path:
        """Where a file goes; its folder is made."""
        folder = self.workspace / f"site-{site}" / "inbox" / stream_name
        folder.mkdir(parents=True, exist_ok=True)
        return folder / name

    def count(self, table: str, rows: int) -> None:
        """Note one file more, and its rows."""
        self.files += 1
        self.rows[table] = self.rows.get(table, 0) + rows

    def send_claims(self, parcels: list[Parcel]) -> None:
        """Take parcels for their months; those beyond the last month are never sent."""
        for parcel in parcels:
            if parcel.delivery <= self.last:
                self.waiting.setdefault(parcel.delivery, []).append(parcel)

    def write_claims(self, delivery: int) -> None:
        """The receipts of a month of delivery: a file of each kind, or one of all kinds in the insurers' edition
        and of what is taken back."""
        for parcels, is_returned in _by_way(self.waiting.pop(delivery, [])):
            frames = {name: pl.concat([getattr(p, name) for p in parcels]) for name in PARCEL_FRAMES}
            # Receipts of employees' insurance and of 公費 alone lie among those of 国保.
            scheme = (
                pl.when(pl.col("claim_type_code").str.slice(1, 1) == "3")
                .then(pl.lit("koki"))
                .otherwise(pl.lit("kokuho"))
            )
            month = (delivery + INSURER_EDITION_FROM + pl.col("site").cast(pl.Int64)) % INSURER_EDITION_EVERY
            is_mixed = pl.lit(True) if is_returned else month == 0
            kind = pl.when(is_mixed).then(pl.lit("mixed")).otherwise("claim_kind_code")
            claims = frames["claims"].with_columns(file=pl.concat_str("site", scheme, kind, separator="/"))
            frames["claims"] = claims
            part = claims.select("file", parent_source_row="source_row")
            for name in PARCEL_FRAMES[1:]:
                frames[name] = frames[name].join(part, on="parent_source_row", how="left", maintain_order="left")
            parts = {name: frame.partition_by("file", as_dict=True) for name, frame in frames.items()}
            for key in sorted(parts["claims"]):
                own = {name: part.get(key, frames[name].clear()) for name, part in parts.items()}
                self._write_uke(str(key[0]), delivery, own, is_returned)

    def _write_uke(self, file: str, delivery: int, frames: dict[str, pl.DataFrame], is_returned: bool) -> None:
        site, scheme, kind = file.split("/")
        month = month_date(delivery).strftime("%Y%m")
        stem = f"{'medical' if kind == 'mixed' else kind}_{scheme}_{month}"
        edition: Edition = "seireki"
        if is_returned:
            edition = "returned"
        elif kind == "mixed":
            edition = "insurer"
        elif kind in BY_ERA_KINDS and int(site) % 2 == 1 or delivery < self.first + BY_ERA_MONTHS:
            edition = "wareki"
        write_uke(
            frames["claims"].drop("file"), frames["diagnoses"].drop("file"), frames["items"].drop("file"),
            self.path(site, FOLDERS.get(kind, "medical"), f"{stem}_returned.HEN" if is_returned else f"{stem}.UKE"),
            prefecture_code=site, scheme="koki" if scheme == "koki" else "kokuho", edition=edition,
            records=frames["records"].drop("file"),
        )  # fmt: skip
        self.count("claim", frames["claims"].height)
        self.rows["claim_item"] = self.rows.get("claim_item", 0) + frames["items"].height

    def write_enrolment(self, sent: pl.DataFrame) -> None:
        """資格 of ``sent.sent_enrolment``, one file a site, scheme and month; one insurer's apart."""
        sent = sent.with_columns(
            file=pl.when(pl.col("scheme_code") == "koki").then(pl.lit("koki"))
            .when(pl.col("insurer_number") == VENDOR_INSURER).then(pl.lit("vendor"))
            .otherwise(pl.lit("kokuho"))
        )  # fmt: skip
        for (site, file, delivery), rows in _files(sent, "site", "file", "delivery"):
            path = self.path(site, "enrolment", f"enrolment_{file}_{_month(delivery)}.csv")
            plain = rows.drop("person", "record", "site", "file", "delivery")
            if file == "vendor":
                write_vendor_enrolment(plain, path)
                self._confirm(path, site)
            else:
                write_enrolment(plain, path, is_wide=file == "kokuho")
            self.count("enrolment", rows.height)

    def _confirm(self, path: Path, site: str) -> None:
        """The profile of a vendor's file, as `tsumugi enrolment confirm --yes` would save it from the first file."""
        folder = self.workspace / f"site-{site}" / "profiles"
        if not any(folder.glob("*.csv")):
            profile = propose(path).profile({}, {})
            enrolment_profile.save(profile, folder / f"{profile.fingerprint}.csv")

    def write_checkups(
        self, checkups: pl.DataFrame, results: pl.DataFrame, guidance: pl.DataFrame, sessions: pl.DataFrame
    ) -> None:
        """健診 and 保健指導: FKAC167 a site and month, those of the third term apart from those of the fourth.

        Some examining institutions of each site send an archive in XML in its place, with the guidance in it.
        """
        institution = pl.col("institution_code")
        sends_xml = (
            (pl.col("exam_date") >= TERM_4_FROM)
            & (institution.rank("dense").over("site") <= 1 + institution.n_unique().over("site") // SENDS_XML_OF)
            & ~pl.col("is_deleted")  # for which the archive has no place
        )
        self._write_archives(checkups.filter(sends_xml), results, guidance, sessions)
        checkups = checkups.filter(~sends_xml)
        checkups = checkups.with_columns(
            edition=pl.when(pl.col("exam_date") < TERM_4_FROM).then(pl.lit("term3")).otherwise(pl.lit("term4"))
        )
        for (site, edition, delivery), rows in _files(checkups, "site", "edition", "delivery"):
            created = month_date(delivery).replace(day=5)
            suffix = "_term3" if edition == "term3" and delivery > month_of(TERM_4_FROM) else ""
            rows = rows.with_columns(created_date=pl.lit(created))
            mine = results.join(rows.select(parent_source_row="source_row"), on="parent_source_row", how="semi")
            mine = mine.filter(pl.col("item_id").is_in(items_of(edition)))
            path = self.path(site, "checkup", f"FKAC167_{_month(delivery)}{suffix}.csv")
            write_fkac167(rows.drop("person", "site", "edition", "delivery"), mine, path, edition=edition)
            self.count("checkup", rows.height)

    def _write_archives(
        self, checkups: pl.DataFrame, results: pl.DataFrame, guidance: pl.DataFrame, sessions: pl.DataFrame
    ) -> None:
        guidance = sent_guidance(self.settings, guidance)
        both = pl.concat([frame.select("site", "delivery") for frame in (checkups, guidance)])
        for site, delivery in both.unique().sort("site", "delivery").rows():
            created = month_date(delivery).replace(day=5)
            here = (pl.col("site") == site) & (pl.col("delivery") == delivery)
            own, guided = (f.filter(here).with_columns(created_date=pl.lit(created)) for f in (checkups, guidance))
            lines, contacts = (
                frame.join(rows.select(parent_source_row="source_row"), on="parent_source_row", how="semi")
                for frame, rows in ((results, own), (sessions, guided))
            )
            sender, receiver = f"{site}10000001", f"00{site}0000"
            path = self.path(site, "checkup", f"{sender}_{receiver}_{created:%Y%m%d}0_1.zip")
            write_checkup_archive(
                own.drop("person", "site", "delivery"), lines, path,
                guidance=(guided.drop("person", "site", "told", "delivery"), contacts),
                sender=sender, receiver=receiver, method=delivery,
            )  # fmt: skip
            self.count("checkup", own.height)
            self.rows["guidance"] = self.rows.get("guidance", 0) + guided.height

    def write_certifications(self, events: pl.DataFrame) -> None:
        """受給者異動 (5311) and, where something was corrected, the ledger (5341)."""
        events = events.with_columns(
            record=pl.when(pl.col("correction_code") == "0").then(pl.lit("5311")).otherwise(pl.lit("5341"))
        )
        for (site, record, delivery), rows in _files(events, "site", "record", "delivery"):
            path = self.path(site, "care_certification", f"care_{record}_{_month(delivery)}.csv")
            code: Literal["5311", "5341"] = "5311" if record == "5311" else "5341"
            write_care_5311(rows.drop("person", "site", "record", "delivery", "notified"), path, record_code=code)
            self.count("care_certification", rows.height)

    def write_care(self, claims: pl.DataFrame, services: pl.DataFrame, delivery: int) -> None:
        """給付実績 of a month of delivery, one file a site; of some claims 請求明細書 first, 給付実績 a month later."""
        for owed_claims, owed_services in self.owed:
            claims, services = pl.concat([claims, owed_claims]), pl.concat([services, owed_services])
        self.owed = []
        for (site,), rows in _files(claims, "site"):
            rows, early = parted_care(rows, delivery)
            if not early.is_empty():
                self._write_as_claimed(str(site), early, services, delivery)
            rows = rows.drop("person", "site")
            service, line = _lines_of(rows, services)
            path = self.path(site, "care_claim", f"care_1111_{_month(delivery)}.csv")
            code = "1112" if delivery % SECOND_CODE_EVERY == 0 else "1111"
            write_care_1111(rows, service, path, line=line, high_cost=high_costs(rows), exchange_code=code)
            self.count("care_claim", rows.height)

    def _write_as_claimed(self, site: str, early: pl.DataFrame, services: pl.DataFrame, delivery: int) -> None:
        """請求明細書 of some claims; of every second one the 給付実績 follows a month later."""
        rows = early.drop("person", "site")
        service, line = _lines_of(rows, services)
        write_care_7131(rows, service, line, self.path(site, "care_claim", f"care_7131_{_month(delivery)}.csv"))
        self.count("care_claim", rows.height)
        follows = following_care(early, delivery)
        keys = follows.select(parent_source_row="source_row")
        self.owed.append((follows, services.join(keys, on="parent_source_row", how="semi", maintain_order="left")))

    def write_counts(self, counts: pl.DataFrame, delivery: int) -> None:
        """介護被保険者数; the first month of delivery brings the months before it."""
        for (site,), rows in _files(counts.with_columns(site=pl.col("municipality_code").str.slice(0, 2)), "site"):
            path = self.path(site, "care_insured_count", f"care_insured_{_month(delivery)}.csv")
            write_care_insured_count(rows.drop("site"), path)
            self.count("care_insured_count", rows.height)

    def write_population(self, population: pl.DataFrame) -> None:
        """人口, one file a site and year."""
        by_site = population.with_columns(site=pl.col("municipality_code").str.slice(0, 2))
        for (site, year), rows in _files(by_site, "site", "year"):
            write_population(rows.drop("site"), self.path(site, "population", f"population_{year}.csv"))
            self.count("population", rows.height)

    def write_district_sets(self) -> None:
        """地区割 of the towns that keep any, one file a town and set; one leaves out a place and has one too many."""
        sets = seed("district_sets").drop("source")
        mine = sets.filter(pl.col("municipality_code").is_in(list(self.settings.municipalities))).with_columns(
            created_date=pl.date(self.settings.first_fiscal_year, 4, 1),
            version_number=pl.lit(1, pl.Int64),
            is_deleted=pl.lit(False),
        )
        for number, ((town, _), rows) in enumerate(_files(mine, "municipality_code", "district_set_name"), start=1):
            write_district_set(rows, self.path(town[:2], "district_set", f"district_set_{town}_{number}.csv"))
            self.count("district_set", rows.height)

    def spoil(self) -> dict[str, int]:
        """Bad deliveries: a file twice, of each stream a file cut short and whole later, a file of no format."""
        done = {"file_twice": 0, "file_cut": 0, "file_unrecognised": 0}
        for inbox in sorted(self.workspace.glob("site-[0-9][0-9]/inbox")):
            random = stream(self.settings.seed, "spoil", int(inbox.parent.name[-2:]))
            done["file_twice"] += self._repeat(sorted((inbox / "medical").glob("medical_kokuho_??????.UKE")), random)
            for pattern in CUT_FILES:
                done["file_cut"] += self._cut(sorted(inbox.glob(pattern)), random)
            for number in range(self.settings.noise.file_unrecognised):
                text = f"連絡票 {number + 1}\r\n今月分の送付が遅れます。架空データ\r\n"
                self.path(inbox.parent.name[-2:], "medical", f"note_{number + 1}.txt").write_bytes(text.encode("cp932"))
                done["file_unrecognised"] += 1
        return done

    def _repeat(self, files: list[Path], random: np.random.Generator) -> int:
        chosen = random.permutation(len(files))[: self.settings.noise.file_twice].tolist()
        for index in chosen:
            files[index].with_stem(f"{files[index].stem}_2").write_bytes(files[index].read_bytes())
        return len(chosen)

    def _cut(self, files: list[Path], random: np.random.Generator) -> int:
        chosen = random.permutation(max(len(files) - 1, 0))[: self.settings.noise.file_cut].tolist()
        for index in chosen:
            whole = files[index].read_bytes()
            later = files[index + 1].stem.rpartition("_")[2]
            files[index].with_stem(f"{files[index].stem}_resent_{later}").write_bytes(whole)
            files[index].write_bytes(whole[: len(whole) * 7 // 8])
        return len(chosen)


def _lines_of(claims: pl.DataFrame, services: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The services and the lines of some care claims."""
    keys = claims.select(parent_source_row="source_row")
    mine = services.join(keys, on="parent_source_row", how="semi", maintain_order="left")
    return mine, care_lines(claims, mine)


def _by_way(parcels: list[Parcel]) -> list[tuple[list[Parcel], bool]]:
    """Parcels by how they travel: the usual file, and the file of receipts taken back."""
    usual = [p for p in parcels if p.kind != "withdrawn"]
    back = [p for p in parcels if p.kind == "withdrawn"]
    return [(group, is_returned) for group, is_returned in ((usual, False), (back, True)) if group]


def _files(frame: pl.DataFrame, *keys: str) -> list[tuple[tuple[Any, ...], pl.DataFrame]]:
    """Rows of each file, in the order of the keys."""
    return sorted(frame.partition_by(list(keys), as_dict=True, maintain_order=True).items(), key=lambda pair: pair[0])


def _month(number: int) -> str:
    return month_date(number).strftime("%Y%m")
