{{ config(pre_hook="{{ delete_touched('care_certification') }}") }}

with latest as (
    {{ latest_version('care_certification', ['corrected_date', 'correction_code']) }}
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
        event_date,
        event_code,
        event_reason_code,
        corrected_date,
        correction_code = '3' as is_withdrawn,
        insured_start_date,
        insured_end_date,
        care_level_code,
        certified_start_date,
        certified_end_date,
        related_scheme_code,
        is_address_exception,
        facility_insurer_code,
        exception_start_date,
        exception_end_date,
        benefit_rate,
        share_start_date,
        share_end_date,
        applied_date,
        application_code,
        plan_provider_code
    from latest
)

select * from final
