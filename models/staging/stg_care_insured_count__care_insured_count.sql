{{ config(pre_hook="{{ delete_touched('care_insured_count', ['insurer_number', 'municipality_code', 'month']) }}") }}

with latest as (
    {{ latest_version('care_insured_count', ['created_date'], record_key=['insurer_number', 'municipality_code', 'month'], is_delivery=true) }}
),

final as (
    select
        linkage_domain,
        batch_sequence,
        source_file_id,
        source_row,
        record_key_tag,
        scheme_code,
        insurer_number,
        municipality_code,
        month,
        sex_code,
        age_band_code,
        insured_class_code,
        insured_count,
        created_date
    from latest
)

select * from final
