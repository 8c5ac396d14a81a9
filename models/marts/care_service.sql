{{ config(pre_hook="{{ delete_reached('month', 'care_service.service_month', ['care_claim', 'care_service']) }}") }}

with lines as (
    select * from {{ ref('stg_care_claim__care_service') }}
),

replaced as (
    select * from {{ ref('int_care_claim__find_replaced') }}
),

services as (
    select *
    from lines
    where
        not is_withdrawn
        and {{ only_reached('lines', 'month', 'lines.service_month', ['care_claim', 'care_service']) }}
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
        services.linkage_domain,
        services.record_key_tag,
        identities.person_id,
        services.scheme_code,
        services.insurer_number,
        services.service_month,
        services.service_type_code,
        services.days_count,
        services.units,
        services.benefit_yen,
        services.user_yen
    from services
    left join identities
        on services.linkage_domain = identities.linkage_domain and services.identity_tag = identities.identity_tag
)

select * from final
