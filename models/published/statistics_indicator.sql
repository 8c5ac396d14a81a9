-- Once for every rule of protection: classes of viewers under the same rule share one product (model viewer_class).
with final as (
    select * from {{ ref('statistic') }}
)

select * from final
