{{ config(pre_hook="{{ delete_touched('checkup') }}") }}

with latest as (
    {{ latest_version('checkup', ['created_date', 'data_number']) }}
),

final as (
    select
        linkage_domain,
        batch_sequence,
        source_file_id,
        source_row,
        record_key_tag,
        identity_tag,
        birth_month,
        is_born_on_first,
        sex_code,
        scheme_code,
        insurer_number,
        exam_date,
        exam_month,
        institution_code,
        created_date,
        is_deleted as is_withdrawn
    from latest
)

select * from final
