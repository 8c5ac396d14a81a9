{#- A claim as claimed (請求明細書) gives way to the 給付実績 of the same person, provider, month and form, whichever came
    first; also to one that was taken back: it has been adjudicated, and to nothing. -#}
with claims as (
    select * from {{ ref('stg_care_claim__care_claim') }}
),

adjudicated as (
    select * from {{ ref('stg_care_claim__adjudicated_form') }}
),

final as (
    select
        claims.linkage_domain,
        claims.record_key_tag
    from claims
    inner join adjudicated
        on
            claims.linkage_domain = adjudicated.linkage_domain
            and claims.identity_tag = adjudicated.identity_tag
            and claims.service_month = adjudicated.service_month
            and claims.provider_code = adjudicated.provider_code
            and claims.input_form_code = adjudicated.input_form_code
    where not claims.is_adjudicated
)

select * from final
