{{ config(pre_hook="{{ delete_reached('month', 'care_line.service_month', ['care_claim', 'care_line']) }}") }}

with lines as (
    select * from {{ ref('stg_care_claim__care_line') }}
),

replaced as (
    select * from {{ ref('int_care_claim__find_replaced') }}
),

care_lines as (
    select *
    from lines
    where
        not is_withdrawn
        and {{ only_reached('lines', 'month', 'lines.service_month', ['care_claim', 'care_line']) }}
        and not exists (
            select 1
            from replaced
            where
                replaced.linkage_domain = lines.linkage_domain
                and replaced.record_key_tag = lines.record_key_tag
        )
),

identities as (
    select * from {{ source('link', 'identity_person') }}
),

final as (
    select
        care_lines.linkage_domain,
        care_lines.record_key_tag,
        identities.person_id,
        care_lines.scheme_code,
        care_lines.insurer_number,
        care_lines.service_month,
        care_lines.line_kind_code,
        care_lines.service_type_code,
        care_lines.item_code,
        care_lines.times_count,
        care_lines.public_times_count,
        care_lines.public2_times_count,
        care_lines.public3_times_count,
        care_lines.units,
        care_lines.amount_yen,
        care_lines.user_yen,
        care_lines.event_date,
        care_lines.facility_insurer_code
    from care_lines
    left join identities
        on care_lines.linkage_domain = identities.linkage_domain and care_lines.identity_tag = identities.identity_tag
)

select * from final
