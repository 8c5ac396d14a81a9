{{ config(pre_hook="{{ delete_reached('fiscal_year', 'checkup.exam_month', ['checkup', 'checkup_result', 'enrolment']) }}") }}

{%- set reaching = ['checkup', 'checkup_result', 'enrolment'] %}

with records as (
    select * from {{ ref('stg_checkup__checkup') }}
),

checkups as (
    select
        records.*,
        cast({{ fiscal_year('records.exam_date') }} as bigint) as fiscal_year
    from records
    where
        not records.is_withdrawn
        and {{ only_reached('records', 'fiscal_year', 'records.exam_month', reaching) }}
),

identities as (
    select * from {{ source('link', 'identity_person') }}
),

members as (
    select * from {{ ref('person_month') }}
),

own_municipalities as (
    select * from {{ ref('int_insurer__find_own_municipality') }}
),

ages as (
    select * from {{ ref('int_age__assign_band') }}
),

pivoted as (
    select * from {{ ref('int_checkup__pivot_results') }}
),

results as (
    select *
    from pivoted
    where {{ only_reached('pivoted', 'fiscal_year', 'pivoted.exam_month', reaching) }}
),

-- Sex and age are those of the ledger, the same as in the denominators; without a member, those on the result.
placed as (
    select
        checkups.linkage_domain,
        checkups.record_key_tag,
        checkups.identity_tag,
        identities.person_id,
        checkups.scheme_code,
        checkups.insurer_number,
        case
            when members.person_id is null then own_municipalities.municipality_code
            else members.municipality_code
        end as municipality_code,
        members.district_code,
        checkups.exam_date,
        checkups.exam_month,
        checkups.fiscal_year,
        checkups.institution_code,
        coalesce(members.sex_code, checkups.sex_code) as sex_code,
        coalesce(
            members.age_at_fiscal_year_end,
            {{ age_at_fiscal_year_end('checkups.birth_month', 'checkups.is_born_on_first', 'checkups.fiscal_year') }}
        ) as age_at_fiscal_year_end,
        members.person_id is not null as is_member_matched
    from checkups
    left join identities
        on checkups.linkage_domain = identities.linkage_domain and checkups.identity_tag = identities.identity_tag
    left join members
        on
            identities.person_id = members.person_id
            and checkups.scheme_code = members.scheme_code
            and checkups.insurer_number = members.insurer_number
            and checkups.exam_month = members.month
    left join own_municipalities
        on
            checkups.scheme_code = own_municipalities.scheme_code
            and checkups.insurer_number = own_municipalities.insurer_number
            and checkups.exam_month = own_municipalities.month
),

final as (
    select
        placed.linkage_domain,
        placed.record_key_tag,
        placed.identity_tag,
        placed.person_id,
        placed.scheme_code,
        placed.insurer_number,
        placed.municipality_code,
        placed.district_code,
        placed.exam_date,
        placed.exam_month,
        placed.fiscal_year,
        row_number() over (
            partition by placed.person_id, placed.scheme_code, placed.insurer_number, placed.fiscal_year
            order by placed.exam_date, placed.record_key_tag
        ) = 1 as is_first_of_year,
        placed.institution_code,
        placed.is_member_matched,
        placed.sex_code,
        placed.age_at_fiscal_year_end,
        coalesce(ages.age_band_code, 'unknown') as fiscal_year_age_band_code,
        results.metabolic_judgement_code as metabolic_code,
        results.guidance_level_code,
        results.height,
        results.weight,
        results.bmi,
        results.waist,
        results.systolic,
        results.diastolic,
        results.triglyceride_fasting,
        results.triglyceride_casual,
        results.hdl,
        results.ldl,
        results.non_hdl,
        results.ast,
        results.alt,
        results.gamma_gt,
        results.glucose_fasting,
        results.glucose_casual,
        results.hba1c,
        results.creatinine,
        results.egfr,
        results.uric_acid,
        results.urine_glucose_code,
        results.urine_protein_code,
        results.smoking_code = '1' as is_smoker,
        results.drug_pressure_code = '1' as takes_pressure_drug,
        results.drug_glucose_code = '1' as takes_glucose_drug,
        results.drug_lipid_code = '1' as takes_lipid_drug
    from placed
    left join ages on placed.age_at_fiscal_year_end = ages.age
    left join results
        on placed.linkage_domain = results.linkage_domain and placed.record_key_tag = results.record_key_tag
)

select * from final
