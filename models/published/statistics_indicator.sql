with statistics as (
    select * from {{ ref('statistic') }}
),

viewer_classes as (
    select * from {{ ref('viewer_classes') }}
),

final as (
    select
        viewer_classes.viewer_class,
        statistics.indicator_id,
        statistics.definition_version,
        statistics.period_kind,
        statistics.period,
        statistics.scheme_code,
        statistics.area_level,
        statistics.area_id,
        statistics.sex_code,
        statistics.age_band_code,
        statistics.numerator,
        statistics.denominator,
        statistics.value_status
    from statistics
    inner join viewer_classes
        on statistics.threshold = viewer_classes.threshold and statistics.min_peers = viewer_classes.min_peers
)

select * from final
