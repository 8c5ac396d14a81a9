{# CTE: the figures of every area and month (`of_months`), steady and moving persons together. #}
{% macro add_up_areas() -%}
in_cells as (
    {% for source, ladder, key, condition in [
        ('steady_towns', 'town_ladder', 'town_no', 'true'),
        ('steady_places', 'place_ladder', 'place_no', "place_ladder.area_level = 'district'"),
    ] -%}
    select
        {{ source }}.indicator_no,
        {{ ladder }}.area_no,
        {{ source }}.month,
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
        month,
        {{ sex }} as sex_no,
        {{ band }} as band_no,
        {% for figure in figure_columns() %}cast({{ figure }} as bigint) as {{ figure }}{{ ', ' if not loop.last }}{% endfor %}
    from moving_cells
    where {{ condition }}
    {{ 'union all' if not loop.last }}
    {% endfor -%}
),

of_months as (
    select
        indicator_no,
        area_no,
        month,
        sex_no,
        band_no,
        {{ figures_together() }}
    from in_cells
    group by indicator_no, area_no, month, sex_no, band_no
)
{%- endmacro %}
