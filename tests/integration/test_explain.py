"""Why records are one person: told in tags at the center, with names at the site for those who may see them."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from rich.console import Console
from typer.testing import CliRunner

from ingest.center import explain as center_explain
from ingest.center import explain_page as center_page
from ingest.center.errors import CenterError
from ingest.center.home import open_warehouse
from ingest.center.link.components import SUCCESSION
from ingest.center.link.rules import rules
from ingest.center.review import review
from ingest.cli import app
from ingest.policy import access, audit
from ingest.sealing.keys import KeyRing
from ingest.settings import Settings
from ingest.site import explain as site_explain
from ingest.site import explain_page as site_page
from ingest.site.databases import open_directory
from ingest.site.decisions import audit_file
from ingest.site.errors import SiteError
from tests.handmade import demo_workspace

SITE, TENANT, PURPOSE = "16", "koiki-16", "資格の確認"


def center(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    home = settings.the_center()
    with open_warehouse(home, KeyRing(home), read_only=True) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture(scope="module")
def groups(tiny_road: Settings) -> dict[bytes, list[bytes]]:
    """Tags by person."""
    found = defaultdict(list)
    for person, tag in center(tiny_road, "SELECT person_id, identity_tag FROM link.identity_person ORDER BY ALL"):
        found[person].append(tag)
    return found


def parts(tags: list[bytes], ties: list[tuple[bytes, bytes]]) -> int:
    """How many pieces the tags fall into with these ties and no other."""
    root = {tag: tag for tag in tags}

    def top(tag: bytes) -> bytes:
        return tag if root[tag] == tag else top(root[tag])

    for one, other in ties:
        root[top(one)] = top(other)
    return sum(root[tag] == tag for tag in tags)


def test_every_person_is_held_together_by_a_tree_of_its_strongest_ties(
    tiny_road: Settings, groups: dict[bytes, list[bytes]]
) -> None:
    ties = defaultdict(list)
    for person, one, other, pass_id, rank in center(
        tiny_road, "SELECT person_id, one_tag, other_tag, pass_id, tie_rank FROM link.person_tie"
    ):
        ties[person].append((rank, one, other, pass_id))
    carried = defaultdict(set)
    for tag, purpose, token in center(tiny_road, "SELECT identity_tag, purpose, pass_tag FROM link.incidence"):
        carried[tag].add((purpose, token))
    asked = {rule.rule_id: (rank, rule) for rank, rule in enumerate(rules().rules, start=1)}
    checked = 0
    for person, tags in groups.items():
        held = ties.pop(person, [])
        assert len(held) == len(tags) - 1 and parts(tags, [(one, other) for _, one, other, _ in held]) == 1
        for rank, one, other, pass_id in held:
            assert asked[pass_id][0] == rank
            rule = asked[pass_id][1]
            shared = {purpose for purpose, _ in carried[one] & carried[other]} & set(rule.purposes)
            days = SUCCESSION in rule.purposes  # told by dates, not by a token
            assert len(shared) >= rule.agree - days, pass_id
        checked += bool(held)
    assert checked > 100 and not ties


def test_the_center_explains_every_person_by_id_and_by_tag(
    tiny_road: Settings, groups: dict[bytes, list[bytes]]
) -> None:
    several = [person for person, tags in groups.items() if len(tags) > 2][:5]
    for person in several:
        told = center_explain.explain(tiny_road, person.hex())
        assert {one["identity_tag"] for one in told["identities"]} == {tag.hex() for tag in groups[person]}
        assert [one["place"] for one in told["identities"]] == list(range(1, len(groups[person]) + 1))
        assert len(told["ties"]) == len(groups[person]) - 1
        assert told["weakest"]["tie_rank"] == max(tie["tie_rank"] for tie in told["ties"])
        assert any(one["numbers"] for one in told["identities"]) or told["is_provisional"]
        assert all(one["records"] for one in told["identities"])
        assert center_explain.explain(tiny_road, groups[person][-1].hex()) == told


def test_a_person_near_by_is_told_with_the_reason_why_it_is_another(tiny_road: Settings) -> None:
    near = center(
        tiny_road,
        "SELECT DISTINCT a.person_id FROM link.incidence i "
        "JOIN link.identity_person a USING (linkage_domain, identity_tag) "
        "JOIN link.incidence k USING (linkage_domain, purpose, pass_tag) JOIN link.identity_person b "
        "ON b.linkage_domain = k.linkage_domain AND b.identity_tag = k.identity_tag WHERE a.person_id <> b.person_id "
        "ORDER BY 1",
    )
    if not near:
        pytest.skip("no two persons of this little world share a token")
    for (person,) in near[:3]:
        told = center_explain.explain(tiny_road, person.hex())
        assert told["near"] and all(one["reason_code"] and one["passes"] for one in told["near"])


def test_nothing_that_the_center_tells_names_a_person_or_is_a_ciphertext(
    tiny_road: Settings, groups: dict[bytes, list[bytes]]
) -> None:
    person = next(person for person, tags in groups.items() if len(tags) > 2)
    told = center_explain.explain(tiny_road, person.hex())
    screen = io.StringIO()
    center_page.render(Console(file=screen, width=200), told)
    center_page.render_review(Console(file=screen, width=200), review(tiny_road), 50)
    said = json.dumps(told, default=str, ensure_ascii=False) + screen.getvalue()
    assert told["identities"][0]["identity_tag"] in screen.getvalue()
    ciphertexts = center(tiny_road, "SELECT lower(hex(ciphertext)) FROM raw.identity")
    assert not [1 for (ciphertext,) in ciphertexts if ciphertext[32:] in said]
    site = tiny_road.site(SITE)
    with open_directory(site, KeyRing(site).secret("at-rest")) as connection:
        names = connection.execute(
            "SELECT DISTINCT unnest([name_kanji, name_kana, number, strftime(birth_date, '%Y-%m-%d')]) FROM people"
        ).fetchall()
    assert not [name for (name,) in names if name and len(name) > 5 and name in said]


def test_an_unknown_or_malformed_id_is_one_clear_line(tiny_road: Settings, tmp_path: Path) -> None:
    for asked, told in (("00" * 16, "nobody here"), ("富山太郎", "32 hexadecimal"), ("abcd", "32 hexadecimal")):
        with pytest.raises(CenterError, match=told):
            center_explain.explain(tiny_road, asked)
    with pytest.raises(CenterError, match="no batch"):
        center_explain.explain(demo_workspace(tmp_path), "00" * 16)


# -- at the site ------------------------------------------------------------------------------------
_SEEN = """
    SELECT person_id, list(DISTINCT identity_tag), min(insurer_number) FROM (
        SELECT * FROM (FROM published.person_enrolment SELECT person_id, identity_tag, scheme_code, insurer_number)
        UNION SELECT person_id, identity_tag, scheme_code, insurer_number FROM published.person_claim
        UNION SELECT person_id, identity_tag, scheme_code, insurer_number FROM published.person_checkup
    ) WHERE {} GROUP BY 1 HAVING {} ORDER BY 1"""


def granted(settings: Settings) -> tuple[bytes, set[bytes]]:
    """A person of 後期 who was in 国保 before, and the identities that the 広域連合 may see."""
    before = "SELECT person_id FROM published.person_enrolment WHERE scheme_code = 'kokuho' AND linkage_domain = '16'"
    person, tags, _ = center(settings, _SEEN.format(f"scheme_code = 'koki' AND person_id IN ({before})", "true"))[0]
    return person, set(tags)


def test_what_ties_the_identities_that_are_shown_is_told_with_the_fields_that_agree(tiny_road: Settings) -> None:
    of_one_insurer = (
        "SELECT list(DISTINCT identity_tag), min(insurer_number) FROM link.identity_person "
        "JOIN raw.identity USING (linkage_domain, identity_tag) WHERE linkage_domain = '16' GROUP BY person_id "
        "HAVING count(DISTINCT identity_tag) > 2 AND count(DISTINCT insurer_number) = 1 "
        "AND min(scheme_code) = 'kokuho' AND max(scheme_code) = 'kokuho' ORDER BY 2, 1"
    )
    tags, insurer = center(tiny_road, of_one_insurer)[0]
    tenants = access.load_grants().filter((pl.col("insurer_number") == insurer) & (pl.col("role_code") == "kokuho"))
    tenant = tenants["tenant_id"][0]
    told = site_explain.explain(tiny_road, SITE, max(tags).hex(), tenant=tenant, purpose=PURPOSE)
    assert {one["identity_tag"] for one in told["identities"]} == {tag.hex() for tag in tags}
    assert len(told["ties"]) == len(tags) - 1 and told["is_whole"]
    screen = io.StringIO()
    site_page.render(Console(file=screen, width=240), told)
    assert "被保険者番号" in screen.getvalue() and "← 最も弱い" in screen.getvalue()


def test_a_tenant_sees_the_identities_of_its_own_rows_with_names(tiny_road: Settings) -> None:
    person, tags = granted(tiny_road)
    told = site_explain.explain(tiny_road, SITE, min(tags).hex(), tenant=TENANT, purpose=PURPOSE)
    assert {one["identity_tag"] for one in told["identities"]} >= {tag.hex() for tag in tags}
    assert {one["scheme_code"] for one in told["identities"]} == {"koki"}, "nothing of 国保"
    assert all(one["name_kana"] or one["name_kanji"] for one in told["identities"])
    again = site_explain.explain(tiny_road, SITE, told["person_id"], tenant=TENANT, purpose=PURPOSE)
    assert again == told and told["person_id"] != person.hex(), "found by the tenant's own id too"
    screen = io.StringIO()
    site_page.render(Console(file=screen, width=240), told)
    assert told["identities"][0]["name_kana"] in screen.getvalue()
    assert told["has_ties"]


def test_every_look_is_recorded_with_its_purpose_and_without_a_name(tiny_road: Settings) -> None:
    _, tags = granted(tiny_road)
    told = site_explain.explain(tiny_road, SITE, min(tags).hex(), tenant=TENANT, purpose=PURPOSE)
    path = audit_file(tiny_road.site(SITE))
    event = audit.events(path)[-1]
    assert (event["tenant"], event["role"], event["purpose"]) == (TENANT, "koiki", PURPOSE)
    assert (event["action"], event["object"], event["result"]) == ("linkage.explain", told["person_id"], "shown")
    log = path.read_text(encoding="utf-8")
    for one in told["identities"]:
        assert not [name for name in ("name_kanji", "name_kana", "number") if one[name] and one[name] in log]
    assert audit.verify(path)[0] == len(audit.events(path))


def test_who_may_not_see_the_person_learns_nothing_and_is_recorded(tiny_road: Settings) -> None:
    _, tags = granted(tiny_road)
    tag = min(tags).hex()
    others = access.load_grants().filter((pl.col("site") == SITE) & (pl.col("scheme_set") == "care"))
    care = others["tenant_id"][0]
    messages = set()
    for asked in (tag, "00" * 16):  # one of another scheme, and nobody at all: the same words
        with pytest.raises(access.AccessDenied) as told:
            site_explain.explain(tiny_road, SITE, asked, tenant=care, purpose=PURPOSE)
        messages.add(str(told.value))
        event = audit.events(audit_file(tiny_road.site(SITE)))[-1]
        assert (event["result"], event["object"], event["tenant"]) == ("denied", asked, care)
    assert len(messages) == 1
    for tenant in ("prefecture-16", "federation-16", "nobody", "koiki-31"):
        with pytest.raises(access.AccessDenied):
            site_explain.explain(tiny_road, SITE, tag, tenant=tenant, purpose=PURPOSE)
        assert audit.events(audit_file(tiny_road.site(SITE)))[-1]["result"] == "denied"


def test_a_look_needs_a_purpose_and_results(tiny_road: Settings, tmp_path: Path) -> None:
    _, tags = granted(tiny_road)
    with pytest.raises(SiteError, match="purpose"):
        site_explain.explain(tiny_road, SITE, min(tags).hex(), tenant=TENANT, purpose=" ")
    with pytest.raises(SiteError, match="まだ届いていません"):
        site_explain.explain(demo_workspace(tmp_path), SITE, "00" * 16, tenant=TENANT, purpose=PURPOSE)


def test_the_commands_speak_for_themselves(tiny_road: Settings) -> None:
    person, tags = granted(tiny_road)
    place = ["--workspace", str(tiny_road.workspace)]
    runner = CliRunner()
    told = runner.invoke(app, ["center", "explain", person.hex(), "--json", *place])
    assert json.loads(told.stdout.splitlines()[-1])["person_id"] == person.hex()
    assert runner.invoke(app, ["center", "explain", person.hex(), *place]).exit_code == 0
    reviewed = runner.invoke(app, ["center", "review", "--json", *place])
    assert set(json.loads(reviewed.stdout.splitlines()[-1])) == {"persons", "pairs", "refused"}
    at_site = ["site", "explain", min(tags).hex(), "--site", SITE, "--tenant", TENANT, "--purpose", PURPOSE, *place]
    assert runner.invoke(app, at_site).exit_code == 0
    assert json.loads(runner.invoke(app, [*at_site, "--json"]).stdout.splitlines()[-1])["tenant"] == TENANT
    empty = runner.invoke(app, ["site", "decisions", "--site", SITE, *place])
    assert empty.exit_code == 0 and "site decide" in empty.stdout
    several = runner.invoke(app, ["site", "decide", "undo", "x", "--by", "a", "--reason", "b", *place])
    assert several.exit_code == 1 and "--site" in several.output
