{{ config(pre_hook="{{ delete_touched('care_high_cost') }}") }}

with latest as (
    {{ latest_version('care_high_cost', ['adjudication_month', 'creation_code']) }}
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
        creation_code = '3' as is_withdrawn,
        line_kind_code,
        decided_date,
        user_yen,
        benefit_yen
    from latest
)

select * from final
