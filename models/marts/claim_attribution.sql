{#- One disease for each 医科 and DPC receipt, whose whole cost it carries: our own reading of 最大医療資源傷病名, whose
    official method is not published (domain/kdb.md 4.9). attribution_method_code says how it was found:

    dpc        the receipt itself names it (傷病名区分 01 医療資源を最も投入した傷病名)
    allocated  the points of drugs, procedures and materials were shared among the diseases of the receipt that they
               point to (int_item__link_diseases), and this one has the most
    main       nothing points to one, or several have the same: 主傷病
    order      as before, and there is no 主傷病: the latest 診療開始日, then the first on the receipt
    none       no disease of the receipt leads to an ICD-10

    疑い are left out unless there is nothing else. A 調剤 receipt follows the receipt that prescribed it, the 入院外 one
    before others; where there is none its points stand in a row of their own under `unmatched`. -#}
{{ config(
    pre_hook="{{ delete_reached('month', 'claim_attribution.service_month', "
    ~ "['claim', 'claim_diagnosis', 'claim_item', 'enrolment']) }}"
) }}

{%- set reaching = ['claim', 'claim_diagnosis', 'claim_item', 'enrolment'] %}
{#- Points are shared in whole parts: up to 12 diseases divide them without a rest. -#}
{%- set parts = 27720 %}

with claims as (
    select * from {{ ref('claim') }}
),

receipts as (
    select * from claims
    where
        claim_kind_code in ('medical', 'dpc')
        and not is_summary
        and {{ only_reached('claims', 'month', 'claims.service_month', reaching) }}
),

written as (
    select * from {{ ref('claim_disease') }}
),

coded as (
    select
        written.linkage_domain,
        written.record_key_tag,
        written.sequence_number,
        coalesce(written.icd10_code, known.icd10_code) as icd10_code,
        written.is_main,
        written.start_date,
        coalesce(written.disease_class_code = '01', false) as is_named,
        written.is_suspected,
        min(case when written.is_suspected then 1 else 0 end) over (
            partition by written.linkage_domain, written.record_key_tag
        ) = 1 as is_all_suspected
    from written
    left join {{ source('control', 'known_disease') }} as known on written.disease_code = known.disease_code
    where
        coalesce(written.icd10_code, known.icd10_code) is not null
        and written.claim_kind_code in ('medical', 'dpc')
        and {{ only_reached('written', 'month', 'written.service_month', reaching) }}
),

candidates as (
    select * from coded
    where not is_suspected or is_all_suspected
),

noted as (
    select * from {{ ref('claim_item') }}
),

-- The points of several lines stand on the last of them: what belongs together ends with points.
lines as (
    select
        linkage_domain,
        record_key_tag,
        service_month,
        item_code,
        points * coalesce(times_count, 1) as points,
        count(points) over (
            partition by linkage_domain, record_key_tag
            order by sequence_number
            rows between unbounded preceding and 1 preceding
        ) as line_group
    from noted
    where
        item_kind_code in ('SI', 'IY', 'TO')
        and claim_kind_code in ('medical', 'dpc')
        and {{ only_reached('noted', 'month', 'noted.service_month', reaching) }}
),

dialysed as (
    select distinct
        lines.linkage_domain,
        lines.record_key_tag
    from lines
    inner join {{ ref('dialysis_items') }} as dialysis
        on
            lines.item_code = dialysis.item_code
            and lines.service_month >= dialysis.valid_from
            and (dialysis.valid_to is null or lines.service_month < dialysis.valid_to)
),

pointed as (
    select distinct
        lines.linkage_domain,
        lines.record_key_tag,
        lines.line_group,
        candidates.icd10_code
    from lines
    inner join {{ ref('int_item__link_diseases') }} as links
        on
            lines.item_code = links.item_code
            and lines.service_month >= links.valid_from
            and (links.valid_to is null or lines.service_month < links.valid_to)
    inner join candidates
        on
            lines.linkage_domain = candidates.linkage_domain
            and lines.record_key_tag = candidates.record_key_tag
            and substr(candidates.icd10_code, 1, length(links.icd10_from_code)) >= links.icd10_from_code
            and substr(candidates.icd10_code, 1, length(links.icd10_to_code)) <= links.icd10_to_code
),

{% set line_group = ['linkage_domain', 'record_key_tag', 'line_group'] -%}
group_points as (
    select
        linkage_domain,
        record_key_tag,
        line_group,
        sum(points) as points
    from lines
    where
        exists (
            select 1
            from pointed
            where {{ same_in('lines', 'pointed', line_group) }}
        )
    group by linkage_domain, record_key_tag, line_group
    having sum(points) > 0
),

shared as (
    select
        pointed.linkage_domain,
        pointed.record_key_tag,
        pointed.icd10_code,
        floor(
            group_points.points * {{ parts }} / count(*) over (
                partition by pointed.linkage_domain, pointed.record_key_tag, pointed.line_group
            )
        ) as parts
    from pointed
    inner join group_points on {{ same_in('pointed', 'group_points', line_group) }}
),

scores as (
    select
        linkage_domain,
        record_key_tag,
        icd10_code,
        sum(parts) as parts
    from shared
    group by linkage_domain, record_key_tag, icd10_code
),

scored as (
    select
        candidates.*,
        coalesce(scores.parts, 0) as parts
    from candidates
    left join scores
        on
            candidates.linkage_domain = scores.linkage_domain
            and candidates.record_key_tag = scores.record_key_tag
            and candidates.icd10_code = scores.icd10_code
),

ranked as (
    select
        scored.*,
        row_number() over (
            partition by linkage_domain, record_key_tag
            order by is_named desc, parts desc, is_main desc, start_date desc nulls last, sequence_number asc
        ) as place,
        max(parts) over (partition by linkage_domain, record_key_tag) as most_parts
    from scored
),

-- As many diseases of one ICD-10 as there are do not make it a tie.
firsts as (
    select
        linkage_domain,
        record_key_tag,
        count(distinct case when parts = most_parts then icd10_code end) as most_count
    from ranked
    group by linkage_domain, record_key_tag
),

chosen as (
    select
        ranked.linkage_domain,
        ranked.record_key_tag,
        ranked.icd10_code,
        case
            when ranked.is_named then 'dpc'
            when ranked.parts > 0 and firsts.most_count = 1 then 'allocated'
            when ranked.is_main then 'main'
            else 'order'
        end as attribution_method_code
    from ranked
    inner join firsts
        on ranked.linkage_domain = firsts.linkage_domain and ranked.record_key_tag = firsts.record_key_tag
    where ranked.place = 1
),

dispensed as (
    select * from claims
    where
        claim_kind_code = 'pharmacy'
        and {{ only_reached('claims', 'month', 'claims.service_month', reaching) }}
),

prescribed as (
    select * from {{ ref('int_pharmacy__find_prescribing_claim') }}
),

-- Several receipts of the prescribing institution may stand: the 入院外 one first, then by their key.
prescriptions as (
    select
        linkage_domain,
        pharmacy_claim_id,
        prescribing_claim_id,
        row_number() over (
            partition by linkage_domain, pharmacy_claim_id
            order by is_inpatient, prescribing_claim_id
        ) as place
    from prescribed
    where
        claim_kind_code in ('medical', 'dpc')
        and {{ only_reached('prescribed', 'month', 'prescribed.service_month', reaching) }}
),

followed as (
    select
        prescriptions.linkage_domain,
        prescriptions.prescribing_claim_id as record_key_tag,
        sum(dispensed.points) as pharmacy_points
    from prescriptions
    inner join dispensed
        on
            prescriptions.linkage_domain = dispensed.linkage_domain
            and prescriptions.pharmacy_claim_id = dispensed.record_key_tag
    where prescriptions.place = 1
    group by prescriptions.linkage_domain, prescriptions.prescribing_claim_id
),

{%- set place = [
    'linkage_domain', 'record_key_tag', 'person_id', 'scheme_code', 'insurer_number', 'municipality_code',
    'district_code', 'service_month', 'fiscal_year', 'sex_code', 'age_band_code', 'claim_kind_code', 'is_inpatient'
] %}

final as (
    select
        {% for column in place %}receipts.{{ column }}, {% endfor %}
        chosen.icd10_code,
        coalesce(chosen.attribution_method_code, 'none') as attribution_method_code,
        dialysed.record_key_tag is not null as is_dialysed,
        receipts.points,
        cast(coalesce(followed.pharmacy_points, 0) as bigint) as pharmacy_points,
        receipts.days_count
    from receipts
    left join chosen
        on receipts.linkage_domain = chosen.linkage_domain and receipts.record_key_tag = chosen.record_key_tag
    left join dialysed
        on receipts.linkage_domain = dialysed.linkage_domain and receipts.record_key_tag = dialysed.record_key_tag
    left join followed
        on receipts.linkage_domain = followed.linkage_domain and receipts.record_key_tag = followed.record_key_tag
    union all
    select
        {% for column in place %}dispensed.{{ column }}, {% endfor %}
        cast(null as varchar) as icd10_code,
        'unmatched' as attribution_method_code,
        false as is_dialysed,
        cast(0 as bigint) as points,
        dispensed.points as pharmacy_points,
        cast(null as bigint) as days_count
    from dispensed
    left join prescriptions
        on
            dispensed.linkage_domain = prescriptions.linkage_domain
            and dispensed.record_key_tag = prescriptions.pharmacy_claim_id
    where prescriptions.pharmacy_claim_id is null
)

select * from final
