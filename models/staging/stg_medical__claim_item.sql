{{ config(materialized='view') }}

with lines as (
    select * from {{ source('raw', 'claim_item') }}
),

records as (
    select * from {{ ref('stg_medical__claim') }}
),

final as (
    select
        lines.linkage_domain,
        lines.source_file_id,
        lines.source_row,
        records.record_key_tag,
        records.identity_tag,
        records.claim_kind_code,
        lines.scheme_code,
        lines.insurer_number,
        lines.service_month,
        lines.sequence_number,
        lines.item_kind_code,
        lines.item_code,
        lines.category_code,
        lines.burden_code,
        lines.quantity,
        lines.points,
        lines.times_count,
        lines.days_code,
        records.is_withdrawn
    from lines
    inner join records
        on
            lines.linkage_domain = records.linkage_domain
            and lines.source_file_id = records.source_file_id
            and lines.parent_source_row = records.source_row
            and lines.service_month = records.service_month
)

select * from final
