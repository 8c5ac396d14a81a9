{{ config(pre_hook="{{ delete_touched('guidance') }}") }}

with latest as (
    {{ latest_version('guidance', ['created_date', 'data_number']) }}
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
        guidance_fiscal_year,
        guidance_month,
        institution_code,
        report_code,
        support_level_code,
        first_interview_date,
        interim_evaluation_date,
        final_evaluation_date,
        support_end_date,
        planned_points,
        points,
        waist,
        weight,
        created_date,
        is_deleted as is_withdrawn
    from latest
)

select * from final
