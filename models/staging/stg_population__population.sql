{{ config(pre_hook="{{ delete_touched('population', ['municipality_code', 'year']) }}") }}

with latest as (
    {{ latest_version('population', ['created_date'], record_key=['municipality_code', 'year'], is_delivery=true) }}
),

final as (
    select
        linkage_domain,
        batch_sequence,
        source_file_id,
        source_row,
        record_key_tag,
        municipality_code,
        year,
        sex_code,
        age_band_code,
        population_count,
        created_date
    from latest
)

select * from final
