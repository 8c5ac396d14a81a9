{# CTE: the figures of every area and month (`of_months`), steady and moving persons together. Of a band of ages in a
    district all months of the year are one, its first: it is told of years alone (decision 0038). #}
{% macro add_up_areas() -%}
in_cells as (
    {% for source, ladder, key, month, condition in [
        ('steady_towns', 'town_ladder', 'town_no', 'steady_towns.month', 'true'),
        ('steady_places', 'place_ladder', 'place_no', month_of_district('steady_places'),
         "place_ladder.area_level = 'district'"),
    ] -%}
    select
        {{ source }}.indicator_no,
        {{ ladder }}.area_no,
        {{ month }} as month,
        {{ source }}.sex_no,
        {{ source }}.band_no,
        {{ columns_of(source, figure_columns()) }}
    from {{ source }}
    inner join {{ ladder }} on {{ source }}.{{ key }} = {{ ladder }}.{{ key }}
    where {{ condition }}
    union all
    {% endfor -%}
    {% for sex, band, condition in [
        ('sex_no', 'band_no', 'true'),
        ('sex_no', '0', 'adds_bands'),
        ('0', 'band_no', 'adds_sexes'),
        ('0', '0', 'adds_sexes and adds_bands'),
    ] -%}
    select
        indicator_no,
        area_no,
        {% if band != '0' -%}
        case when is_district then {{ month_of_district('moving_cells') }} else month end as month,
        {%- else -%}
        month,
        {%- endif %}
        {{ sex }} as sex_no,
        {{ band }} as band_no,
        {% for figure in figure_columns() %}cast({{ figure }} as bigint) as {{ figure }}{{ ', ' if not loop.last }}{% endfor %}
    from moving_cells
    where {{ condition }}
    {{ 'union all' if not loop.last }}
    {% endfor -%}
),

summed as (
    select
        indicator_no,
        area_no,
        month,
        sex_no,
        band_no,
        {{ figures_together() }}
    from in_cells
    group by indicator_no, area_no, month, sex_no, band_no
),

of_months as (
    select
        summed.*,
        summed.band_no = 0 or areas.area_level <> 'district' as is_told_by_month
    from summed
    inner join areas on summed.area_no = areas.area_no
)
{%- endmacro %}

{# The month in which a cell of a district stands: that of all ages its own, that of a band the first of the year. #}
{% macro month_of_district(cells) -%}
case
    when {{ cells }}.band_no = 0 then {{ cells }}.month
    else {{ fiscal_year_start('(' ~ fiscal_year(cells ~ '.month') ~ ')') }}
end
{%- endmacro %}
