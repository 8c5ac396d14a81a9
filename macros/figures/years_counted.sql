{# Which fiscal years one statement counts: {'first': ..., 'last': ...}.

    A full refresh counts some years after others, for the persons of all years at once would not fit into memory: the
    model itself counts the last, its hook (count_years_before) those before. Else they are those that the change set
    reaches. #}
{% macro years_counted() -%}
{%- do ref('person_month') -%}  {#- years_together reads it, which only happens where this is executed -#}
{%- if execute and flags.FULL_REFRESH -%}
    {{ return(years_together() | last) }}
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

{# Hook of a full refresh: all years but the last ones, one statement after another.

    counting   name of the macro that the model is written with; it takes the years as `years`
    arguments  its other arguments #}
{% macro count_years_before(counting, arguments={}) -%}
{%- if execute and flags.FULL_REFRESH -%}
    {%- for years in years_together()[:-1] -%}
        insert into {{ this }}
        {{ context[counting](years=years, **arguments) }};
    {% endfor -%}
{%- endif -%}
{%- endmacro %}

{# Fiscal years that are counted in one statement, in their order: years by themselves where there are many members, and
    several together where there are few, for every statement takes seconds to plan, whatever it counts. What others sent
    of years outside the calendar is with its ends. #}
{% macro years_together() -%}
{%- set most = 1500000 -%}
{%- set found = run_query(
    'select months.fiscal_year, count(members.person_id) as member_months from '
    ~ '(select distinct fiscal_year from ' ~ ref('int_calendar__list_months') ~ ') as months left join '
    ~ ref('person_month') ~ ' as members on months.fiscal_year = members.fiscal_year '
    ~ 'group by months.fiscal_year order by months.fiscal_year'
).rows -%}
{%- set together = [] -%}
{%- set held = namespace(count=0) -%}
{%- for year, count in found -%}
    {%- if loop.first or held.count + count > most -%}
        {%- do together.append({'first': 0 if loop.first else year, 'last': year}) -%}
        {%- set held.count = 0 -%}
    {%- endif -%}
    {%- do together[-1].update({'last': 9999 if loop.last else year}) -%}
    {%- set held.count = held.count + count -%}
{%- endfor -%}
{{ return(together) }}
{%- endmacro %}
