{{ config(pre_hook="{{ delete_reached('month', 'care_service.service_month', ['care_claim', 'care_service']) }}") }}

with lines as (
    select * from {{ ref('stg_care_claim__care_service') }}
),

services as (
    select *
    from lines
    where
        not is_withdrawn
        and {{ only_reached('lines', 'month', 'lines.service_month', ['care_claim', 'care_service']) }}
),

care_claims as (
    select
        linkage_domain,
        record_key_tag,
        person_id
    from {{ ref('care_claim') }}
),

final as (
    select
        services.linkage_domain,
        services.record_key_tag,
        care_claims.person_id,
        services.scheme_code,
        services.insurer_number,
        services.service_month,
        services.service_type_code,
        services.days_count,
        services.units,
        services.benefit_yen,
        services.user_yen
    from services
    left join care_claims
        on
            services.linkage_domain = care_claims.linkage_domain
            and services.record_key_tag = care_claims.record_key_tag
)

select * from final
