{{ config(materialized='view') }}

{#- A line is read with its receipt, which tells the version that stands, and the person: tens of millions of lines are
    not written a second time (decision 0039). -#}
with lines as (
    select * from {{ ref('stg_medical__claim_item') }}
    where not is_withdrawn
),

final as (
    select
        linkage_domain,
        record_key_tag,
        claim_kind_code,
        scheme_code,
        insurer_number,
        service_month,
        sequence_number,
        item_kind_code,
        item_code,
        category_code,
        quantity,
        points,
        times_count,
        days_code
    from lines
)

select * from final
