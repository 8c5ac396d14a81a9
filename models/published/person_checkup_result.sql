with lines as (
    select * from {{ ref('checkup_result') }}
),

records as (
    select * from {{ ref('person_checkup') }}
),

final as (
    select
        records.linkage_domain,
        records.person_id,
        records.identity_tag,
        records.checkup_id,
        records.scheme_code,
        records.insurer_number,
        records.municipality_code,
        records.district_code,
        lines.exam_month,
        lines.item_id,
        lines.numeric_value,
        lines.code_value,
        lines.status_code,
        lines.method_code,
        lines.unit_code,
        lines.interpretation_code
    from lines
    inner join records
        on lines.linkage_domain = records.linkage_domain and lines.record_key_tag = records.checkup_id
)

select * from final
