{{ config(pre_hook="{{ delete_touched('district_set', ['municipality_code', 'district_set_name']) }}") }}

with latest as (
    {{ latest_version(
        'district_set', ['created_date', 'version_number'],
        record_key=['municipality_code', 'district_set_name'], is_delivery=true
    ) }}
),

final as (
    select
        linkage_domain,
        batch_sequence,
        source_file_id,
        source_row,
        record_key_tag,
        municipality_code,
        district_set_name,
        district_code,
        district_name,
        set_district_name,
        created_date,
        is_deleted as is_withdrawn
    from latest
)

select * from final
