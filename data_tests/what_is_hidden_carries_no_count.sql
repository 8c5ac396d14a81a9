-- A hidden value is not in the file at all, and what is shown of others rests on nobody or on the threshold at least.
select
    statistics.threshold,
    statistics.indicator_id
from {{ ref('statistics_indicator') }} as statistics
where
    (
        statistics.value_status <> 'shown'
        and (statistics.numerator is not null or statistics.denominator is not null)
    )
    or statistics.area_level = 'district'
