{{ config(pre_hook="{{ delete_reached('month', 'claim_disease.service_month', ['claim', 'claim_diagnosis']) }}") }}

with lines as (
    select * from {{ ref('stg_medical__claim_diagnosis') }}
),

diagnoses as (
    select *
    from lines
    where
        not is_withdrawn
        and {{ only_reached('lines', 'month', 'lines.service_month', ['claim', 'claim_diagnosis']) }}
),

identities as (
    select * from {{ source('link', 'identity_person') }}
),

final as (
    select
        diagnoses.linkage_domain,
        diagnoses.record_key_tag,
        identities.person_id,
        diagnoses.claim_kind_code,
        diagnoses.scheme_code,
        diagnoses.insurer_number,
        diagnoses.service_month,
        diagnoses.sequence_number,
        diagnoses.disease_code,
        diagnoses.icd10_code,
        diagnoses.disease_class_code,
        diagnoses.is_main,
        diagnoses.is_suspected,
        diagnoses.start_date,
        diagnoses.outcome_code
    from diagnoses
    left join identities
        on diagnoses.linkage_domain = identities.linkage_domain and diagnoses.identity_tag = identities.identity_tag
)

select * from final
