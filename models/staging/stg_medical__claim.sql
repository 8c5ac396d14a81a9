{{ config(pre_hook="{{ delete_touched('claim') }}") }}

with latest as (
    {{ latest_version('claim', ['adjudication_month', 'version_number']) }}
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
        claim_kind_code,
        claim_type_code,
        is_inpatient,
        service_month,
        adjudication_month,
        is_withdrawn,
        institution_code,
        prescribing_institution_code,
        admission_date,
        benefit_rate,
        days_count,
        prescription_count,
        visit_days_code,
        points,
        original_points,
        line_points,
        meal_count,
        meal_yen,
        is_summary,
        summary_code,
        is_public_only,
        has_search_number,
        special_note_codes
    from latest
)

select * from final
