{{ config(materialized='table') }}

with fiscal_years as (
    select
        fiscal_year,
        max(month) as last_month
    from {{ ref('int_calendar__list_months') }}
    group by fiscal_year
),

municipalities as (
    select * from {{ ref('municipalities') }}
),

-- The population known at the start of the year; where the series begins later, its first year.
populations as (
    select
        fiscal_years.fiscal_year,
        counted.municipality_code,
        counted.population_count,
        row_number() over (
            partition by fiscal_years.fiscal_year, counted.municipality_code
            order by
                case when counted.year <= fiscal_years.fiscal_year then 0 else 1 end,
                abs(counted.year - fiscal_years.fiscal_year)
        ) as choice
    from {{ ref('municipality_population') }} as counted
    cross join fiscal_years
),

medical_areas as (
    select
        fiscal_years.fiscal_year,
        placed.municipality_code,
        'medical_area' as area_level,
        placed.medical_area_code as area_id
    from {{ ref('municipality_medical_area') }} as placed
    inner join fiscal_years
        on
            placed.valid_from <= fiscal_years.last_month
            and (placed.valid_to is null or placed.valid_to > fiscal_years.last_month)
),

peers as (
    select
        populations.fiscal_year,
        municipalities.municipality_code,
        'peer' as area_level,
        concat(classes.reading_code, ':', classes.peer_class_code) as area_id
    from municipalities
    inner join populations
        on municipalities.municipality_code = populations.municipality_code and populations.choice = 1
    inner join fiscal_years on populations.fiscal_year = fiscal_years.fiscal_year
    inner join {{ ref('peer_classes') }} as classes
        on
            concat(' ', classes.kind_codes, ' ') like concat('% ', municipalities.kind_code, ' %')
            and populations.population_count >= coalesce(classes.population_from, 0)
            and (classes.population_to is null or populations.population_count < classes.population_to)
            and classes.valid_from <= fiscal_years.last_month
            and (classes.valid_to is null or classes.valid_to > fiscal_years.last_month)
),

themselves as (
    select
        fiscal_years.fiscal_year,
        municipalities.municipality_code,
        'municipality' as area_level,
        municipalities.municipality_code as area_id
    from municipalities
    cross join fiscal_years
),

final as (
    select * from themselves
    union all
    select * from medical_areas
    union all
    select * from peers
)

select * from final
