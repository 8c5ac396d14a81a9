{{ config(materialized='view') }}

with lines as (
    select * from {{ source('raw', 'guidance_session') }}
),

records as (
    select * from {{ ref('stg_checkup__guidance') }}
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
        lines.guidance_month,
        lines.sequence_number,
        lines.session_kind_code,
        lines.session_date,
        lines.support_form_code,
        lines.staff_kind_code,
        lines.minute_count,
        lines.points,
        lines.waist,
        lines.weight,
        records.is_withdrawn
    from lines
    inner join records
        on
            lines.linkage_domain = records.linkage_domain
            and lines.source_file_id = records.source_file_id
            and lines.parent_source_row = records.source_row
)

select * from final
