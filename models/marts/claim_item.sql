{{ config(materialized='view') }}

{#- A line is read with its receipt, which tells the version that stands: tens of millions of lines are not written a
    second time (decision 0039). -#}
with lines as (
    select * from {{ ref('stg_medical__claim_item') }}
    where not is_withdrawn
),

identities as (
    select * from {{ source('link', 'identity_person') }}
),

final as (
    select
        lines.linkage_domain,
        lines.record_key_tag,
        identities.person_id,
        lines.claim_kind_code,
        lines.scheme_code,
        lines.insurer_number,
        lines.service_month,
        lines.sequence_number,
        lines.item_kind_code,
        lines.item_code,
        lines.category_code,
        lines.quantity,
        lines.points,
        lines.times_count,
        lines.days_code
    from lines
    left join identities
        on lines.linkage_domain = identities.linkage_domain and lines.identity_tag = identities.identity_tag
)

select * from final
