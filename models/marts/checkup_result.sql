{{ config(pre_hook="{{ delete_reached('month', 'checkup_result.exam_month', ['checkup', 'checkup_result']) }}") }}

with lines as (
    select * from {{ ref('stg_checkup__checkup_result') }}
),

results as (
    select *
    from lines
    where
        not is_withdrawn
        and {{ only_reached('lines', 'month', 'lines.exam_month', ['checkup', 'checkup_result']) }}
),

identities as (
    select * from {{ source('link', 'identity_person') }}
),

final as (
    select
        results.linkage_domain,
        results.record_key_tag,
        identities.person_id,
        results.scheme_code,
        results.insurer_number,
        results.exam_month,
        results.item_id,
        results.numeric_value,
        results.code_value,
        results.status_code,
        results.method_code,
        results.unit_code,
        results.interpretation_code
    from results
    left join identities
        on results.linkage_domain = identities.linkage_domain and results.identity_tag = identities.identity_tag
)

select * from final
