with facts as (
    select * from {{ ref('claim') }}
),

representatives as (
    select * from {{ ref('int_identity__choose_representative') }}
),

final as (
    select
        facts.linkage_domain,
        facts.person_id,
        coalesce(representatives.identity_tag, facts.identity_tag) as identity_tag,
        facts.record_key_tag as claim_id,
        facts.scheme_code,
        facts.insurer_number,
        facts.municipality_code,
        facts.district_code,
        facts.service_month,
        facts.fiscal_year,
        facts.adjudication_month,
        facts.claim_kind_code,
        facts.claim_type_code,
        facts.is_inpatient,
        facts.institution_code,
        facts.prescribing_institution_code,
        facts.admission_date,
        facts.days_count,
        facts.prescription_count,
        facts.points,
        facts.cost_yen,
        facts.meal_yen,
        facts.sex_code,
        facts.age_band_code,
        facts.is_member_matched,
        facts.is_summary,
        facts.is_public_only,
        facts.main_disease_code,
        facts.drug_kinds_count
    from facts
    left join representatives
        on
            facts.person_id = representatives.person_id
            and facts.scheme_code = representatives.scheme_code
            and facts.insurer_number = representatives.insurer_number
)

select * from final
