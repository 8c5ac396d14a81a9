{{ config(materialized='view') }}

with landed as (
    select * from {{ source('raw', 'care_claim') }}
),

final as (
    select distinct
        linkage_domain,
        identity_tag,
        service_month,
        provider_code,
        input_form_code
    from landed
    where is_adjudicated
)

select * from final
