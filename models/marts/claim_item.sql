{{ config(pre_hook="{{ delete_reached('month', 'claim_item.service_month', ['claim', 'claim_item']) }}") }}

with lines as (
    select * from {{ ref('stg_medical__claim_item') }}
),

items as (
    select *
    from lines
    where not is_withdrawn and {{ only_reached('lines', 'month', 'lines.service_month', ['claim', 'claim_item']) }}
),

claims as (
    select
        linkage_domain,
        record_key_tag,
        person_id
    from {{ ref('claim') }}
),

final as (
    select
        items.linkage_domain,
        items.record_key_tag,
        claims.person_id,
        items.scheme_code,
        items.insurer_number,
        items.service_month,
        items.sequence_number,
        items.item_kind_code,
        items.item_code,
        items.category_code,
        items.quantity,
        items.points,
        items.times_count
    from items
    left join claims
        on items.linkage_domain = claims.linkage_domain and items.record_key_tag = claims.record_key_tag
)

select * from final
