{{ config(materialized='view') }}

with lines as (
    select * from {{ source('raw', 'care_line') }}
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
        lines.line_kind_code,
        lines.service_type_code,
        lines.item_code,
        lines.times_count,
        lines.public_times_count,
        lines.public2_times_count,
        lines.public3_times_count,
        lines.units,
        lines.amount_yen,
        lines.user_yen,
        lines.event_date,
        lines.facility_insurer_code,
        records.is_withdrawn
    from lines
    inner join records
        on
            lines.linkage_domain = records.linkage_domain
            and lines.source_file_id = records.source_file_id
            and lines.parent_source_row = records.source_row
)

select * from final
