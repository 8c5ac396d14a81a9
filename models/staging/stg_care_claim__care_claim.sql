{{ config(pre_hook="{{ delete_touched('care_claim') }}") }}

with latest as (
    {{ latest_version('care_claim', ['adjudication_month', 'adjustment_count', 'creation_code']) }}
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
        service_month,
        adjudication_month,
        is_adjudicated,
        adjustment_count,
        is_purchase,
        benefit_kind_code,
        creation_code = '3' as is_withdrawn,
        provider_code,
        input_form_code,
        care_level_code,
        certified_start_date,
        certified_end_date,
        benefit_rate,
        units,
        benefit_yen,
        user_yen
    from latest
)

select * from final
