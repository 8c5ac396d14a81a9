{{ config(pre_hook="{{ delete_touched('enrolment') }}") }}

with latest as (
    {{ latest_version('enrolment', ['processed_date', 'record_number']) }}
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
        municipality_code,
        district_code,
        district_name,
        acquired_date,
        acquired_reason_code,
        lost_date,
        lost_reason_code,
        applied_start_date,
        applied_end_date,
        previous_scheme_code,
        processed_date,
        is_deleted as is_withdrawn
    from latest
)

select * from final
