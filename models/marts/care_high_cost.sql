{{ config(pre_hook="{{ delete_reached('month', 'care_high_cost.service_month', ['care_high_cost']) }}") }}

with records as (
    select * from {{ ref('stg_care_claim__care_high_cost') }}
),

payments as (
    select *
    from records
    where
        not is_withdrawn
        and {{ only_reached('records', 'month', 'records.service_month', ['care_high_cost']) }}
),

identities as (
    select * from {{ source('link', 'identity_person') }}
),

final as (
    select
        payments.linkage_domain,
        payments.record_key_tag,
        identities.person_id,
        payments.scheme_code,
        payments.insurer_number,
        payments.service_month,
        payments.adjudication_month,
        payments.line_kind_code,
        payments.decided_date,
        payments.user_yen,
        payments.benefit_yen
    from payments
    left join identities
        on payments.linkage_domain = identities.linkage_domain and payments.identity_tag = identities.identity_tag
)

select * from final
