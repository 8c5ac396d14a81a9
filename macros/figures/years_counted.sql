{# Which fiscal years one statement counts: {'first': ..., 'last': ...}.

    A full refresh counts year by year, for the persons of all years at once would not fit into memory: the model itself
    counts the last year, its hook (count_years_before) those before. Else they are those that the change set reaches. #}
{% macro years_counted() -%}
{%- if execute and flags.FULL_REFRESH -%}
    {{ return(calendar_years() | last) }}
{%- elif execute and is_incremental() -%}
    {%- set found = run_query(
        'select min(' ~ fiscal_year('month') ~ '), max(' ~ fiscal_year('month') ~ ') from '
        ~ source('control', 'change_partition')
    ).rows[0] -%}
    {#- Some changes reach the year after, too. -#}
    {{ return({'first': found[0] or 0, 'last': (found[1] or 0) + 1}) }}
{%- endif -%}
{{ return({'first': 0, 'last': 9999}) }}
{%- endmacro %}

{# Hook of a full refresh: all years but the last, year by year.

    counting   name of the macro that the model is written with; it takes the years as `years`
    arguments  its other arguments #}
{% macro count_years_before(counting, arguments={}) -%}
{%- if execute and flags.FULL_REFRESH -%}
    {%- for years in calendar_years()[:-1] -%}
        insert into {{ this }}
        {{ context[counting](years=years, **arguments) }};
    {% endfor -%}
{%- endif -%}
{%- endmacro %}

{# Every fiscal year of the calendar by itself, in their order; what others sent of years outside it is with its ends. #}
{% macro calendar_years() -%}
{%- set found = run_query(
    'select distinct fiscal_year from ' ~ ref('int_calendar__list_months') ~ ' order by fiscal_year'
).columns[0].values() -%}
{%- set years = [] -%}
{%- for year in found -%}
    {%- do years.append({'first': 0 if loop.first else year, 'last': 9999 if loop.last else year}) -%}
{%- endfor -%}
{{ return(years) }}
{%- endmacro %}
