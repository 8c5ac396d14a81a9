with facts as (
    select * from {{ ref('enrolment') }}
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
        facts.district_code,
        facts.sex_code,
        facts.acquired_date,
        facts.acquired_reason_code,
        facts.lost_date,
        facts.lost_reason_code,
        facts.applied_start_date as start_date,
        facts.applied_end_date as end_date
    from facts
    left join representatives
        on
            facts.person_id = representatives.person_id
            and facts.scheme_code = representatives.scheme_code
            and facts.insurer_number = representatives.insurer_number
)

select * from final
