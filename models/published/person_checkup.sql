with facts as (
    select * from {{ ref('checkup') }}
),

representatives as (
    select * from {{ ref('int_identity__choose_representative') }}
),

final as (
    select
        facts.linkage_domain,
        facts.person_id,
        coalesce(representatives.identity_tag, facts.identity_tag) as identity_tag,
        facts.record_key_tag as checkup_id,
        facts.scheme_code,
        facts.insurer_number,
        facts.municipality_code,
        facts.district_code,
        facts.exam_date,
        facts.exam_month,
        facts.fiscal_year,
        facts.is_first_of_year,
        facts.institution_code,
        facts.sex_code,
        facts.age_at_fiscal_year_end,
        facts.fiscal_year_age_band_code,
        facts.is_member_matched,
        facts.metabolic_code,
        facts.guidance_level_code,
        facts.height,
        facts.weight,
        facts.bmi,
        facts.waist,
        facts.systolic,
        facts.diastolic,
        facts.triglyceride_fasting,
        facts.triglyceride_casual,
        facts.hdl,
        facts.ldl,
        facts.non_hdl,
        facts.ast,
        facts.alt,
        facts.gamma_gt,
        facts.glucose_fasting,
        facts.glucose_casual,
        facts.hba1c,
        facts.creatinine,
        facts.egfr,
        facts.uric_acid,
        facts.urine_glucose_code,
        facts.urine_protein_code,
        facts.is_smoker,
        facts.takes_pressure_drug,
        facts.takes_glucose_drug,
        facts.takes_lipid_drug
    from facts
    left join representatives
        on
            facts.person_id = representatives.person_id
            and facts.scheme_code = representatives.scheme_code
            and facts.insurer_number = representatives.insurer_number
)

select * from final
