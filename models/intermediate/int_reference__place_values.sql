{{ config(materialized='table') }}

{#- Figures of the public tables for each fiscal year, of the areas that the tables name. 人口 comes also in the ages that
    the screen shows, of all residents together. -#}
{%- set groups = [
    ('population_under_40', 0, 39), ('population_40_64', 40, 64), ('population_65_74', 65, 74),
    ('population_75_up', 75, 150), ('population_65_up', 65, 150)
] -%}
{%- set counts = {
    'population_total': 'population_count',
    'population_65_74': 'population_65_count - counted.population_75_count',
    'population_75_up': 'population_75_count',
    'population_65_up': 'population_65_count'
} -%}
{%- set place = ['fiscal_year', 'table_name', 'year', 'area_level', 'area_id'] | join(', ') -%}

with chosen as (
    select * from {{ ref('int_reference__choose_year') }}
),

placed as (
    select
        chosen.fiscal_year,
        given.table_name,
        given.year,
        given.area_level,
        given.area_id,
        given.sex_code,
        given.age_band_code,
        given.measure_code,
        -- Whole numbers, so that sums are exact: years of life in hundredths, as they are printed.
        cast(given.value * case when given.measure_code = 'life_expectancy' then 100 else 1 end as bigint) as value
    from {{ source('reference', 'value') }} as given
    inner join chosen on given.table_name = chosen.table_name and given.year = chosen.year
),

residents as (
    select
        placed.*,
        bands.age_from
    from placed
    left join {{ ref('age_bands') }} as bands on placed.age_band_code = bands.age_band_code
    where placed.table_name = 'population' and placed.sex_code = 'all'
),

grouped as (
    select
        {{ place }},
        'population_total' as measure_code,
        value
    from residents
    where age_band_code = 'all'
    {% for measure, first_age, last_age in groups -%}
    union all
    select
        {{ place }},
        '{{ measure }}' as measure_code,
        sum(value) as value
    from residents
    where age_from between {{ first_age }} and {{ last_age }}
    group by {{ place }}
    {% endfor -%}
),

loaded_towns as (
    select distinct
        fiscal_year,
        area_id
    from residents
    where area_level = 'municipality'
),

-- Where the table does not name a municipality, the seed does.
seeded as (
    {% for measure, count in counts.items() -%}
    select
        chosen.fiscal_year,
        chosen.table_name,
        chosen.year,
        'municipality' as area_level,
        counted.municipality_code as area_id,
        '{{ measure }}' as measure_code,
        counted.{{ count }} as value
    from {{ ref('municipality_population') }} as counted
    inner join chosen on counted.year = chosen.year and chosen.table_name = 'population'
    inner join {{ ref('municipalities') }} as towns
        on counted.municipality_code = towns.municipality_code and towns.kind_code <> 'ward'
    left join loaded_towns
        on chosen.fiscal_year = loaded_towns.fiscal_year and counted.municipality_code = loaded_towns.area_id
    where loaded_towns.area_id is null
    {{ 'union all' if not loop.last }}
    {% endfor -%}
),

final as (
    select
        {{ place }},
        sex_code,
        age_band_code,
        measure_code,
        cast(value as bigint) as measured_count
    from placed
    {% for source in ['grouped', 'seeded'] -%}
    union all
    select
        {{ place }},
        'all' as sex_code,
        'all' as age_band_code,
        measure_code,
        cast(value as bigint) as measured_count
    from {{ source }}
    {% endfor -%}
)

select * from final
