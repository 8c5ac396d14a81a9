{%- set figure = [
    'indicator_id', 'definition_version', 'period_kind', 'period', 'scheme_code', 'area_level', 'area_id', 'sex_code',
    'age_band_code', 'numerator', 'denominator', 'contributor_count', 'largest_contribution'
] | join(', ') -%}

-- What rests on public tables alone is shown whole to everybody in the statistics.
with facts as (
    select
        {{ figure }},
        class_code
    from {{ ref('indicator_fact') }}
    where area_level in ('prefecture', 'insurer', 'municipality', 'district')
    union all
    select
        {{ figure }},
        '' as class_code
    from {{ ref('reference_fact') }}
    where area_level in ('prefecture', 'municipality') and scheme_code <> 'residents'
),

insurers as (
    select * from {{ ref('int_insurer__assign_prefecture') }}
),

final as (
    select
        case
            when facts.area_level = 'insurer' then insurers.prefecture_code
            else substr(facts.area_id, 1, 2)
        end as linkage_domain,
        facts.indicator_id,
        facts.definition_version,
        facts.period_kind,
        facts.period,
        facts.scheme_code,
        facts.class_code,
        facts.area_level,
        facts.area_id,
        facts.sex_code,
        facts.age_band_code,
        facts.numerator,
        facts.denominator,
        facts.contributor_count,
        facts.largest_contribution
    from facts
    left join insurers on facts.area_level = 'insurer' and facts.area_id = insurers.insurer_number
)

select * from final
