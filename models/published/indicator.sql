with indicators as (
    select * from {{ ref('indicators') }}
),

of_classes as (
    select * from {{ ref('indicator_classes') }}
),

final as (
    select
        indicators.*,
        of_classes.base_indicator_id as class_base_indicator_id
    from indicators
    left join of_classes on indicators.indicator_id = of_classes.indicator_id
)

select * from final
