{{ config(materialized='view') }}

with lines as (
    select * from {{ source('raw', 'care_service') }}
),

records as (
    select * from {{ ref('stg_care_claim__care_claim') }}
),

final as (
    select
        lines.linkage_domain,
        lines.source_file_id,
        lines.source_row,
        records.record_key_tag,
        records.identity_tag,
        lines.scheme_code,
        lines.insurer_number,
        lines.service_month,
        lines.service_type_code,
        lines.days_count,
        lines.units,
        lines.benefit_yen,
        lines.user_yen,
        records.is_withdrawn
    from lines
    inner join records
        on
            lines.linkage_domain = records.linkage_domain
            and lines.source_file_id = records.source_file_id
            and lines.parent_source_row = records.source_row
)

select * from final
