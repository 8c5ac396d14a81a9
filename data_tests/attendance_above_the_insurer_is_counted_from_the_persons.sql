-- Along the areas attendance is not additive: each level must be the number of different persons, not a sum.
with eligible as (
    select
        indicator_id,
        scheme_code,
        fiscal_year,
        person_id,
        max(numerator) as numerator,
        max(denominator) as denominator
    from {{ ref('measure_attendance') }}
    group by indicator_id, scheme_code, fiscal_year, person_id
),

counted as (
    select
        indicator_id,
        scheme_code,
        fiscal_year,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from eligible
    group by indicator_id, scheme_code, fiscal_year
),

published as (
    select
        indicator_id,
        scheme_code,
        {{ fiscal_year('period') }} as fiscal_year,
        numerator,
        denominator
    from {{ ref('indicator_fact') }}
    where
        indicator_id in ('attendance_legal', 'attendance_asof')
        and period_kind = 'fiscal_year'
        and area_level = 'nation'
        and sex_code = 'all'
        and age_band_code = 'all'
)

select
    counted.indicator_id,
    counted.scheme_code,
    counted.fiscal_year
from counted
left join published
    on
        counted.indicator_id = published.indicator_id
        and counted.scheme_code = published.scheme_code
        and counted.fiscal_year = published.fiscal_year
where
    published.numerator is null
    or counted.numerator <> published.numerator
    or counted.denominator <> published.denominator
