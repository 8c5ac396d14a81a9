{{ config(materialized='view') }}

with lines as (
    select * from {{ source('raw', 'checkup_result') }}
),

records as (
    select * from {{ ref('stg_checkup__checkup') }}
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
        lines.exam_month,
        lines.item_id,
        lines.numeric_value,
        lines.code_value,
        lines.status_code,
        lines.method_code,
        lines.unit_code,
        lines.interpretation_code,
        records.is_withdrawn
    from lines
    inner join records
        on
            lines.linkage_domain = records.linkage_domain
            and lines.source_file_id = records.source_file_id
            and lines.parent_source_row = records.source_row
)

select * from final
