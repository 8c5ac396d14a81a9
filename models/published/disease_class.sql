with final as (
    select * from {{ ref('disease_classes') }}
)

select * from final
