-- To the row, the point and the yen: what the sites say they sealed is what stands in the marts, plus what a later
-- version replaced, plus what was withdrawn.
{%- set marts = [
    ('enrolment', 'enrolment', []),
    ('claim', 'claim', ['points', 'meal_yen']),
    ('claim_diagnosis', 'claim_disease', []),
    ('claim_item', 'claim_item', []),
    ('checkup', 'checkup', []),
    ('checkup_result', 'checkup_result', []),
    ('guidance', 'guidance', []),
    ('guidance_session', 'guidance_session', []),
    ('care_claim', 'care_claim', ['units', 'benefit_yen', 'user_yen']),
    ('care_service', 'care_service', []),
    ('care_line', 'care_line', []),
    ('care_high_cost', 'care_high_cost', ['benefit_yen']),
    ('care_certification', 'care_certification', []),
    ('care_insured_count', 'care_insured_count', ['insured_count']),
    (
        'statistic', 'stg_statistics__statistic',
        ['numerator', 'denominator', 'contributor_count', 'denominator_contributor_count']
    ),
] %}

with sealed as (
    select
        table_name,
        scheme_code,
        measure,
        sum(value) as total
    from {{ source('raw', 'control_total') }}
    where outcome = 'sealed'
    group by table_name, scheme_code, measure
),

in_marts as (
    {% for contract, mart, columns in marts -%}
    select
        '{{ contract }}' as table_name,
        scheme_code,
        'rows' as measure,
        count(*) as total
    from {{ ref(mart) }}
    group by scheme_code
    union all
    {% for column in columns -%}
    select
        '{{ contract }}' as table_name,
        scheme_code,
        '{{ column }}' as measure,
        coalesce(sum({{ column }}), 0) as total
    from {{ ref(mart) }}
    group by scheme_code
    union all
    {% endfor -%}
    {% endfor -%}
    select
        'district_set' as table_name,
        '' as scheme_code,
        'rows' as measure,
        count(*) as total
    from {{ ref('district_set') }}
    union all
    select
        'population' as table_name,
        '' as scheme_code,
        'rows' as measure,
        count(*) as total
    from {{ ref('population') }}
    union all
    select
        'population' as table_name,
        '' as scheme_code,
        'population_count' as measure,
        coalesce(sum(population_count), 0) as total
    from {{ ref('population') }}
),

replaced as (
    select
        table_name,
        scheme_code,
        measure,
        sum(coalesce(total, 0)) as total
    from {{ ref('int_record__count_status') }}
    where record_status <> 'current'
    group by table_name, scheme_code, measure
),

both_sides as (
    select
        table_name,
        scheme_code,
        measure,
        total as sealed_total,
        0 as found_total
    from sealed
    union all
    select
        table_name,
        scheme_code,
        measure,
        0 as sealed_total,
        total as found_total
    from in_marts
    union all
    select
        table_name,
        scheme_code,
        measure,
        0 as sealed_total,
        total as found_total
    from replaced
)

select
    table_name,
    scheme_code,
    measure,
    sum(sealed_total) as sealed_total,
    sum(found_total) as found_total
from both_sides
group by table_name, scheme_code, measure
having sum(sealed_total) <> sum(found_total)
