with facts as (
    select * from {{ ref('care_month') }}
),

representatives as (
    select * from {{ ref('int_identity__choose_representative') }}
),

final as (
    select
        facts.linkage_domain,
        facts.person_id,
        coalesce(representatives.identity_tag, facts.identity_tag) as identity_tag,
        facts.scheme_code,
        facts.insurer_number,
        facts.municipality_code,
        cast(null as varchar) as district_code,
        facts.service_month,
        facts.fiscal_year,
        facts.sex_code,
        facts.age_band_code,
        facts.care_level_code,
        facts.units,
        facts.benefit_yen,
        facts.user_yen,
        facts.claims_count
    from facts
    left join representatives
        on
            facts.person_id = representatives.person_id
            and facts.scheme_code = representatives.scheme_code
            and facts.insurer_number = representatives.insurer_number
)

select * from final
