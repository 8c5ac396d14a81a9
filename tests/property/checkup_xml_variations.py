"""Documents of 特定健診 as no writer of ours writes them: what XML allows and what is wrong, drawn at random."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from random import Random

from tests.unit.formats.checkup_xml_samples import (
    HBA1C,
    HEIGHT,
    RANGE,
    SMOKING,
    SYSTOLIC,
    SYSTOLIC_FIRST,
    hc08,
    hg08,
    observed,
    pq,
)

Change = Callable[[str, Random], str]
INSTITUTION = "1.2.392.200119.6.102"
FINDINGS, DOCTOR = "9N511000000000049", "9N516000000000049"
CODES = (
    *(HEIGHT, SYSTOLIC, SYSTOLIC_FIRST, SMOKING, HBA1C, "9N006000000000001") * 2,
    "1Z999000000000001", "9N021000000000001", FINDINGS, FINDINGS, DOCTOR, "", "x",
)  # fmt: skip
TEXTS = (
    "160", "5.6", "1", "2", "160.50", "140", "H", "L", "", " ", "高い", "１２", "12 ", "1\n2", "1\t2", "&#49;60",
    "1&lt;2", "&quot;", "9" * 20,
)  # fmt: skip
UNITS = ("cm", "cm", "%", "mm[Hg]", "mmHg", "kg", "", "m", "ｃｍ", "c&#109;")
PLAIN = '<value xsi:type="PQ" value="160" unit="cm"/>'
STRANGE_VALUES = (
    "<value>a<!-- > -->b</value>", "<value><![CDATA[a>]b]]></value>", "<value>a<?x y?>b</value>",
    "<value>a\r\nb</value>", "<value\n/>",
    "<value></value>", "<value ></value >", "<value>所見 &amp; 異常</value>", "<value>  </value>",
    '<value x="a>b">所見</value>', "<value x='a\"b'>所見</value>", "<value>所見<b>なし</b>です</value>",
    '<value xmlns:xsi="u" xsi:type="ST">z</value>', '<value xmlns="other">z</value>',
    '<value value="7" unit="cm" nullFlavor="NI"/>', '<value code="1" nullFlavor="NI"/>', '<value code="1" value="1"/>',
    '<value value="1" xsi:value="2"/>', f'<value><observation><code code="{HEIGHT}"/></observation></value>',
)  # fmt: skip
ASIDES = (
    '<effectiveTime value="20240603"/>', "<!-- x > <observation> -->", "<?a <observation> ?>", "<text>t &amp; t</text>",
    "<author><code/></author>", "\n  ", "<![CDATA[<value/>]]>",
)  # fmt: skip
STRANGE_PARTS = (
    f'<interpretationCode code="L"/>{PLAIN}<interpretationCode code="N"/>', f"{PLAIN}<interpretationCode/>",
    f"{PLAIN}<interpretationCode code='H'>H</interpretationCode>", f'{PLAIN}<interpretationCode code="&#72;"/>',
    f'<interpretationCode code="H"/><entryRelationship>{pq(HBA1C, "5.6", "%")}</entryRelationship>{PLAIN}',
    f'{PLAIN}<entryRelationship>{pq(HBA1C, "5.6", "%")}</entryRelationship><value value="3" unit="cm"/>',
    f"<value>{pq(HBA1C, '5.6', '%')}</value>",
    f'<code code="{HBA1C}"/>{PLAIN}', f'{PLAIN}<value xsi:type="CD" code="H" {RANGE}/>', f"{PLAIN}{PLAIN}",
)  # fmt: skip
TOLD = ("H", "L", "N", "A", "", "&#72;")
NEGATIONS = ('"true"', "'true'", '"false"', '"1"', '""', '" true"', '"&#116;rue"', "'true\" x=\"'", '"true\n"')


def observation(random: Random) -> str:
    """An observation with all that may be strange about one."""
    code = random.choice(CODES)
    parts = random.choice(
        [[f'<code code="{code}"/>']] * 12
        + [
            [f"<code code='{code}' displayName='a\"b>c'/>"],
            [f'<code code="{code}"/>', f'<code code="{HEIGHT}"/>'],
            ["<code/>", f'<code code="{code}"/>'],
            [f'<code displayName="身長" code="{code}"><translation code="1"/></code>'],
            ['<code code="&#57;N001000000000001"/>'],
            [],
        ]
    )
    parts = [*parts, *(_value(random) for _ in range(random.choice((0, 1, 1, 1, 1, 1, 2, 3))))]
    if random.random() < 0.3:
        parts += [f'<interpretationCode code="{random.choice(TOLD)}"/>'] * random.choice((1, 1, 2))
    if random.random() < 0.15:
        parts.append(random.choice(ASIDES))
    if random.random() < 0.08:
        parts.append(f"<entryRelationship>{observation(random)}</entryRelationship>")
    if random.random() < 0.15:
        random.shuffle(parts)
    negation = f" negationInd={random.choice(NEGATIONS)}" if random.random() < 0.3 else ""
    return f'<observation classCode="OBS" moodCode="EVN"{negation}>{"".join(parts)}</observation>'


def _value(random: Random) -> str:
    text, unit, quote = random.choice(TEXTS), random.choice(UNITS), random.choice('"""\'')
    return random.choice(
        (
            f'<value xsi:type="PQ" value={quote}{text}{quote} unit="{unit}"/>',
            f'<value xsi:type="PQ" value={quote}{text}{quote} unit="{unit}"/>',
            f'<value xsi:type="CD" code={quote}{text}{quote}/>',
            f'<value xsi:type="CD" code="{random.choice("HLN")}" {random.choice((RANGE, ""))}/>',
            f'<value xsi:type="PQ" nullFlavor="{random.choice(("NI", "UNK"))}"/>',
            f'<value xsi:type="ST">{text}</value>',
            random.choice(STRANGE_VALUES),
        )
    )


def _put_in(text: str, random: Random) -> str:
    what = random.choice(("<", ">", "&", '"', "\x01", "￾", "/", "é", "&amp;", "&#0;", " ", "\n", 'xmlns="a"'))
    place = random.randrange(len(text))
    return text[:place] + what + text[place:]


def _in_place_of(old: str, *others: str) -> tuple[Change, ...]:
    return tuple(partial(_exchanged, old, other) for other in others)


def _exchanged(old: str, other: str, text: str, random: Random) -> str:
    return text.replace(old, other, 1)


def _deep(depth: int, text: str, random: Random) -> str:
    inside = "<b>" * depth + pq(HBA1C, "5.6", "%") + "</b>" * depth
    return text.replace("<structuredBody>", f"<structuredBody>{inside}", 1)


def _prefixed(text: str, random: Random) -> str:
    text = re.sub(r"<(/?)(?=\w)", r"<\1x:", text)
    return text.replace('xmlns="', 'xmlns:x="')


def _partly_prefixed(text: str, random: Random) -> str:
    text = text.replace("<ClinicalDocument", '<ClinicalDocument xmlns:q="urn:hl7-org:v3"', 1)
    return re.sub(r"<(/?)(?=observation|value)", r"<\1q:", text)


CHANGES: tuple[Change, ...] = (
    *_in_place_of(
        'extension="0012"',
        *(f'extension="{text}"' for text in (" ", "　", "　1", "", "&#48;1", " 1 ", "\u00a02", "あ")),
    ),
    *_in_place_of(
        '<effectiveTime value="20240603"/>',
        '<effectiveTime><low value="20240603"/></effectiveTime>',
        '<effectiveTime><low/><low value="20240603"/></effectiveTime>',
        '<effectiveTime value=""><high value="1"/><low value="20240603"/></effectiveTime>',
        '<effectiveTime value=" "><low value="20240603"/></effectiveTime>',
        '<effectiveTime><x><low value="20240101"/></x></effectiveTime>',
        '<effectiveTime/><effectiveTime value="20240603"/>',
    ),
    *_in_place_of(
        'root="1.2.392.200119.6.209"', 'root="1.2.392.200119.6.209.00162024"', 'root="1.2.392.200119.6.20"', 'root=""',
        "", 'root="1.2.392.200119.6.209高"', 'root="1.2.392.200119.6.20高"',
    ),
    *_in_place_of(
        "<recordTarget>",
        *(
            '<recordTarget><patientRole><id root="1.2.392.200119.6.205"'
            f' extension="{number}"/></patientRole></recordTarget><recordTarget>'
            for number in ("9", " ", "", "&#57;")
        ),
    ),
    *_in_place_of('xmlns="urn:hl7-org:v3"', "", 'xmlns="urn:x"', 'xmlns=""', "xmlns='urn:hl7-org:v3'"),
    *_in_place_of("<ClinicalDocument", '<ClinicalDocument xmlns:q="urn:hl7-org:v3"'),
    *_in_place_of(
        "<component>",
        '<component xmlns="urn:hl7-org:v3">', '<component xmlns="urn:b">', "<component xmlns:a='b' a:c=''>",
        "<!-- <!DOCTYPE --><component>",
        f"<!--> {pq(HEIGHT, '150', 'cm')} --><component>", "<![CDATA[]]]>]]><component>",
    ),
    *_in_place_of("?>", '?><!-- <ClinicalDocument> --><?xml-stylesheet href="a>b"?>'),
    *_in_place_of('<code code="10"', '<code code="21"', "<code", '<code code="&#50;1"', '<code/><code code="21"',
                 '<xsi:code code="21"/><code code="10"', '<x:code xmlns:x="y" code="21"/><code code="10"'),
    *_in_place_of("representedOrganization>", f'representedOrganization><id root="{INSTITUTION}" extension="1"/>'),
    *_in_place_of(
        '<performer typeCode="PRF"><assignedEntity><id nullFlavor="NI"/>'
        f'<representedOrganization><id root="{INSTITUTION}" extension="1610123459"/>',
        *(
            f'<performer><assignedEntity><representedOrganization><id root="{INSTITUTION}" extension="{number}"/>'
            for number in ("　", "", " ", "1610123467")
        ),
    ),
    lambda text, _: "\ufeff" + text,
    lambda text, _: re.sub(r">(?=<)", ">\n  ", text),
    lambda text, _: text.replace('"', "'"),
    lambda text, _: text.replace(" extension=", "\n\textension\n=\n"),
    lambda text, _: re.sub(r"<performer.*?</performer>", "", text),
    lambda text, random: text.replace("ClinicalDocument", random.choice(("ClinicalDocuments", "summary"))),
    lambda text, random: text[: random.randrange(len(text))],
    _prefixed,
    _partly_prefixed,
    *(partial(_deep, depth) for depth in (5, 57, 58, 59, 60, 61, 62, 70)),
    _put_in,
    _put_in,
    _put_in,
)  # fmt: skip


def each() -> Iterator[bytes]:
    """A document for every strange thing, with nothing else about it."""
    plain, random = hc08(pq(HEIGHT, "160", "cm")), Random(1)
    for change in CHANGES:
        yield change(plain, random).encode()
    for code in (HEIGHT, SMOKING, FINDINGS):
        parts = (
            *STRANGE_VALUES,
            *STRANGE_PARTS,
            *(PLAIN + aside for aside in ASIDES),
            *(aside + PLAIN for aside in ASIDES),
        )
        yield from (hc08(observed(code, part)).encode() for part in parts)
        yield from (hc08(observed(code, PLAIN, f" negationInd={negation}")).encode() for negation in NEGATIONS)


def varied(random: Random) -> bytes:
    """A document with some observations, changed in none, one or two ways, now and then with a byte that is wrong."""
    said = {"doctor_opinion": f"所見 {random.randrange(99)}"} if random.random() < 0.3 else {}
    text = hc08(*(observation(random) for _ in range(random.choice((0, 1, 3, 8)))), **said)
    if random.random() < 0.07:
        text = hg08()
    for change in random.choices(CHANGES, k=random.choice((0, 0, 0, 1, 1, 2))):
        text = change(text, random)
    data = bytearray(text.encode())
    if data and random.random() < 0.05:
        data[random.randrange(len(data))] = random.randrange(256)
    return bytes(data)
