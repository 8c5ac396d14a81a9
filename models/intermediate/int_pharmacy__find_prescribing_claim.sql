{#- A 調剤 receipt says which institution wrote the prescription, not which receipt of it. The receipts of that
    institution for the same person and month are the candidates: several where it sent 入院 and 入院外 or 医科 and 歯科
    under one code, none where the prescription was written in the month before or the receipt is not the insurer's. -#}
with claims as (
    select * from {{ ref('claim') }}
    where not is_summary
),

final as (
    select
        dispensed.linkage_domain,
        dispensed.record_key_tag as pharmacy_claim_id,
        prescribed.record_key_tag as prescribing_claim_id,
        dispensed.person_id,
        dispensed.scheme_code,
        dispensed.insurer_number,
        dispensed.service_month,
        prescribed.claim_kind_code,
        prescribed.is_inpatient
    from claims as dispensed
    inner join claims as prescribed
        on
            dispensed.linkage_domain = prescribed.linkage_domain
            and dispensed.person_id = prescribed.person_id
            and dispensed.scheme_code = prescribed.scheme_code
            and dispensed.insurer_number = prescribed.insurer_number
            and dispensed.service_month = prescribed.service_month
            and dispensed.prescribing_institution_code = prescribed.institution_code
    where dispensed.claim_kind_code = 'pharmacy' and prescribed.claim_kind_code <> 'pharmacy'
)

select * from final
