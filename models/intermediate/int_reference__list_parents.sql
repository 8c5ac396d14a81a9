-- Wards stand in the line of their city.
with towns as (
    select
        municipality_code,
        prefecture_code
    from {{ ref('municipalities') }}
    where kind_code <> 'ward'
),

fiscal_years as (
    select distinct fiscal_year from {{ ref('int_calendar__list_months') }}
),

steps as (
    select
        fiscal_years.fiscal_year,
        towns.municipality_code,
        'nation' as area_level,
        'JP' as area_id
    from towns
    cross join fiscal_years
    union all
    select
        fiscal_years.fiscal_year,
        towns.municipality_code,
        'prefecture' as area_level,
        towns.prefecture_code as area_id
    from towns
    cross join fiscal_years
    union all
    select
        assigned.fiscal_year,
        assigned.municipality_code,
        assigned.area_level,
        assigned.area_id
    from {{ ref('int_municipality__assign_areas') }} as assigned
    inner join towns on assigned.municipality_code = towns.municipality_code
    where assigned.area_level <> 'municipality'
),

final as (
    select
        fiscal_year,
        municipality_code,
        area_level,
        area_id,
        count(*) over (partition by fiscal_year, area_level, area_id) as municipalities_count
    from steps
)

select * from final
