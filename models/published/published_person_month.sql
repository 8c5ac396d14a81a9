{{ config(alias='person_month') }}

with facts as (
    select * from {{ ref('person_month') }}
),

representatives as (
    select * from {{ ref('int_identity__choose_representative') }}
),

final as (
    select
        facts.linkage_domain,
        facts.person_id,
        representatives.identity_tag,
        facts.scheme_code,
        facts.insurer_number,
        facts.municipality_code,
        facts.district_code,
        facts.month,
        facts.fiscal_year,
        facts.covered_days,
        facts.is_member,
        facts.sex_code,
        facts.age_at_month_end,
        facts.age_at_fiscal_year_end,
        facts.age_band_code,
        facts.fiscal_year_age_band_code
    from facts
    left join representatives
        on
            facts.person_id = representatives.person_id
            and facts.scheme_code = representatives.scheme_code
            and facts.insurer_number = representatives.insurer_number
)

select * from final
