with facts as (
    select * from {{ ref('care_certification') }}
    where is_in_force
),

representatives as (
    select * from {{ ref('int_identity__choose_representative') }}
),

-- Of an insurer with one municipality the events need not name it.
own_municipalities as (
    select
        insurer_number,
        min(municipality_code) as municipality_code
    from {{ ref('insurer_municipality') }}
    where scheme_code = 'care'
    group by insurer_number
    having count(distinct municipality_code) = 1
),

final as (
    select
        facts.linkage_domain,
        facts.person_id,
        coalesce(representatives.identity_tag, facts.identity_tag) as identity_tag,
        facts.scheme_code,
        facts.insurer_number,
        coalesce(facts.municipality_code, own_municipalities.municipality_code) as municipality_code,
        cast(null as varchar) as district_code,
        facts.sex_code,
        facts.care_level_code,
        facts.certified_start_date,
        facts.certified_end_date,
        facts.is_address_exception
    from facts
    left join own_municipalities on facts.insurer_number = own_municipalities.insurer_number
    left join representatives
        on
            facts.person_id = representatives.person_id
            and facts.scheme_code = representatives.scheme_code
            and facts.insurer_number = representatives.insurer_number
)

select * from final
