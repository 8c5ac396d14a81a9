with facts as (
    select * from {{ ref('indicator_fact') }}
    where area_level in ('prefecture', 'insurer', 'municipality', 'district')
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
