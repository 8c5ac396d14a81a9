with final as (
    select
        viewer_class,
        threshold,
        min_peers
    from {{ ref('viewer_classes') }}
)

select * from final
