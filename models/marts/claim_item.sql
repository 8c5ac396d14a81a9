{{ config(pre_hook="{{ delete_reached('month', 'claim_item.service_month', ['claim', 'claim_item']) }}") }}

with lines as (
    select * from {{ ref('stg_medical__claim_item') }}
),

items as (
    select *
    from lines
    where not is_withdrawn and {{ only_reached('lines', 'month', 'lines.service_month', ['claim', 'claim_item']) }}
),

identities as (
    select * from {{ source('link', 'identity_person') }}
),

final as (
    select
        items.linkage_domain,
        items.record_key_tag,
        identities.person_id,
        items.claim_kind_code,
        items.scheme_code,
        items.insurer_number,
        items.service_month,
        items.sequence_number,
        items.item_kind_code,
        items.item_code,
        items.category_code,
        items.quantity,
        items.points,
        items.times_count,
        items.days_code
    from items
    left join identities
        on items.linkage_domain = identities.linkage_domain and items.identity_tag = identities.identity_tag
)

select * from final
