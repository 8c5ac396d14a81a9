{{ config(materialized='view') }}

with intervals as (
    select * from {{ ref('int_care_certification__resolve_intervals') }}
),

final as (
    select
        linkage_domain,
        record_key_tag,
        identity_tag,
        person_id,
        birth_month,
        is_born_on_first,
        sex_code,
        'care' as scheme_code,
        insurer_number,
        municipality_code,
        event_date,
        event_code,
        event_reason_code,
        care_level_code,
        certified_start_date,
        certified_end_date,
        is_certification and certified_start_date < certified_end_date as is_in_force,
        is_address_exception
    from intervals
)

select * from final
