with lines as (
    select * from {{ ref('claim_disease') }}
),

records as (
    select * from {{ ref('person_claim') }}
),

final as (
    select
        records.linkage_domain,
        records.person_id,
        records.identity_tag,
        records.claim_id,
        records.scheme_code,
        records.insurer_number,
        records.municipality_code,
        records.district_code,
        lines.service_month,
        records.claim_kind_code,
        lines.sequence_number,
        lines.disease_code,
        lines.is_main,
        lines.is_suspected,
        lines.start_date,
        lines.outcome_code
    from lines
    inner join records
        on lines.linkage_domain = records.linkage_domain and lines.record_key_tag = records.claim_id
)

select * from final
