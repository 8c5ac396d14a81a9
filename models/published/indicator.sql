with final as (
    select * from {{ ref('indicators') }}
)

select * from final
