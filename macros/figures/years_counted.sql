{# Which fiscal years a statement counts. Measures read no others: it is a matter of the session, whose variables
   first_year and last_year tell it. Where they are not set, as for whoever reads a measure alone, all years are counted.

   A model that counts does so for a few years after another, for the persons of all years at once would not fit into
   memory: the model itself counts the last, its hook (count_years_before) those before. #}

{# Condition: a fiscal year is counted, or is one of the `years_before` that a measure looks back at. #}
{% macro is_counted_year(fiscal_year, years_before=0) -%}
{{ fiscal_year }} between coalesce(getvariable('first_year'), 0){{ _less(years_before) }}
and coalesce(getvariable('last_year'), 9999)
{%- endmacro %}

{# The same of a month. #}
{% macro is_counted_month(month, years_before=0) -%}
{{ month }} >= {{ fiscal_year_start("coalesce(getvariable('first_year'), 0)" ~ _less(years_before)) }}
and {{ month }} < {{ fiscal_year_start("coalesce(getvariable('last_year'), 9999) + 1") }}
{%- endmacro %}

{% macro _less(years) -%}
{{ ' - ' ~ years if years }}
{%- endmacro %}

{# Hook: the years that the model itself counts.

    arguments  those that the model is written with (count_years_before) #}
{% macro count_last_years(arguments={}) -%}
{%- do [ref('person_month'), ref('int_calendar__list_months')] -%}  {#- years_together reads them, where this is executed -#}
{%- if execute -%}
    {{ _set_years(years_together(arguments) | last) }}
{%- endif -%}
{%- endmacro %}

{# Hook: the years before those, one statement after another.

    counting   name of the macro that the model is written with
    arguments  its arguments #}
{% macro count_years_before(counting, arguments={}) -%}
{%- if execute -%}
    {%- set first_counted = run_query("select getvariable('first_year')").rows[0][0] -%}
    {%- for years in years_together(arguments) if years.last < first_counted -%}
        {{ _set_years(years) }}
        insert into {{ this }}
        {{ context[counting](**arguments) }};
    {% endfor -%}
    reset variable first_year;
    reset variable last_year;
{%- endif -%}
{%- endmacro %}

{% macro _set_years(years) -%}
set variable first_year = {{ years.first }};
set variable last_year = {{ years.last }};
{%- endmacro %}

{# Fiscal years that are counted in one statement, in their order: years by themselves where there are many members, and
    several together where there are few, for every statement takes seconds to plan, whatever it counts.

    A full refresh counts all; what others sent of years outside the calendar is with its ends. Else they are those that
    the change set reaches: of figures those of their schemes. #}
{% macro years_together(arguments) -%}
{%- set most = 1500000 -%}
{%- set is_all = flags.FULL_REFRESH -%}
{%- if not is_all and not is_incremental() -%}
    {{ return([{'first': 0, 'last': 9999}]) }}
{%- endif -%}
{%- set reached -%}
    {%- if is_all -%}
    select distinct fiscal_year from {{ ref('int_calendar__list_months') }}
    {%- elif arguments.schemes is defined -%}
    select distinct fiscal_year from ({{ scheme_years(arguments.schemes) }}) as years
    where {{ is_reached('years', arguments.reach or 'scheme_fiscal_year', 'years.month') }}
    {%- else -%}
    select distinct fiscal_year from ({{ changes_by_year() }}) as years
    {%- endif -%}
{%- endset -%}
{%- set found = run_query(
    'select reached.fiscal_year, count(members.person_id) as member_months from (' ~ reached ~ ') as reached left join '
    ~ ref('person_month') ~ ' as members on reached.fiscal_year = members.fiscal_year '
    ~ 'group by reached.fiscal_year order by reached.fiscal_year'
).rows -%}
{%- set together = [] -%}
{%- set held = namespace(count=0) -%}
{%- for year, count in found -%}
    {%- if loop.first or held.count + count > most -%}
        {%- do together.append({'first': 0 if loop.first and is_all else year}) -%}
        {%- set held.count = 0 -%}
    {%- endif -%}
    {%- do together[-1].update({'last': 9999 if loop.last and is_all else year}) -%}
    {%- set held.count = held.count + count -%}
{%- endfor -%}
{{ return(together or [{'first': 1, 'last': 1}]) }}
{%- endmacro %}

{# Schemes by fiscal years of the calendar, and the first month of each; 国保＋後期 goes with either of its two. #}
{% macro scheme_years(schemes) -%}
select
    schemes.scheme_code,
    months.fiscal_year,
    min(months.month) as month
from (
    {% for scheme in schemes + (['kokuho_koki'] if 'koki' in schemes else []) -%}
    select '{{ scheme }}' as scheme_code
    {{ 'union all' if not loop.last }}
    {% endfor -%}
) as schemes
cross join {{ ref('int_calendar__list_months') }} as months
group by schemes.scheme_code, months.fiscal_year
{%- endmacro %}
