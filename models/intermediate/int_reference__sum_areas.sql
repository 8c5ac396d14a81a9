{{ config(materialized='table') }}

{%- set figure = ['fiscal_year', 'table_name', 'year', 'sex_code', 'age_band_code', 'measure_code'] %}

with placed as (
    select * from {{ ref('int_reference__place_values') }}
),

summed as (
    select
        {% for column in figure %}placed.{{ column }}, {% endfor %}
        parents.area_level,
        parents.area_id,
        sum(placed.measured_count) as measured_count
    from placed
    inner join {{ ref('reference_tables') }} as rules on placed.table_name = rules.table_name and rules.is_additive
    inner join {{ ref('int_reference__list_parents') }} as parents
        on
            placed.area_level = 'municipality'
            and placed.area_id = parents.municipality_code
            and placed.fiscal_year = parents.fiscal_year
    group by
        {% for column in figure %}placed.{{ column }}, {% endfor %}
        parents.area_level, parents.area_id
    having count(*) = max(parents.municipalities_count)
),

named as (
    select distinct
        fiscal_year,
        table_name,
        area_level,
        area_id
    from placed
),

final as (
    select
        {{ figure | join(', ') }},
        area_level,
        area_id,
        measured_count
    from placed
    union all
    select
        {% for column in figure %}summed.{{ column }}, {% endfor %}
        summed.area_level,
        summed.area_id,
        cast(summed.measured_count as bigint) as measured_count
    from summed
    left join named
        on
            summed.fiscal_year = named.fiscal_year
            and summed.table_name = named.table_name
            and summed.area_level = named.area_level
            and summed.area_id = named.area_id
    where named.area_id is null
)

select * from final
