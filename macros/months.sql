{# Month arithmetic. What DuckDB and Spark write differently stands here and nowhere else. #}

{# First day of the month of a date. #}
{% macro first_of_month(date) %}{{ adapter.dispatch('first_of_month')(date) }}{% endmacro %}
{% macro default__first_of_month(date) %}cast(date_trunc('month', {{ date }}) as date){% endmacro %}

{# A date moved by whole months. #}
{% macro add_months(date, months) %}{{ adapter.dispatch('add_months')(date, months) }}{% endmacro %}
{% macro default__add_months(date, months) %}add_months({{ date }}, {{ months }}){% endmacro %}
{% macro duckdb__add_months(date, months) %}cast({{ date }} + to_months(cast({{ months }} as integer)) as date){% endmacro %}

{# A date moved by days. #}
{% macro add_days(date, days) %}{{ adapter.dispatch('add_days')(date, days) }}{% endmacro %}
{% macro default__add_days(date, days) %}date_add({{ date }}, {{ days }}){% endmacro %}
{% macro duckdb__add_days(date, days) %}cast({{ date }} + {{ days }} as date){% endmacro %}

{# Days from one date to another. #}
{% macro days_between(start, end) %}{{ adapter.dispatch('days_between')(start, end) }}{% endmacro %}
{% macro default__days_between(start, end) %}datediff({{ end }}, {{ start }}){% endmacro %}
{% macro duckdb__days_between(start, end) %}date_diff('day', {{ start }}, {{ end }}){% endmacro %}

{# One row a month from the first to the last, in a column called month. #}
{% macro month_series(first, last) %}{{ adapter.dispatch('month_series')(first, last) }}{% endmacro %}
{% macro default__month_series(first, last) %}
    select explode(sequence({{ first }}, {{ last }}, interval 1 month)) as month
{% endmacro %}
{% macro duckdb__month_series(first, last) %}
    select cast(unnest(generate_series({{ first }}, {{ last }}, interval 1 month)) as date) as month
{% endmacro %}

{# Months since year 0: differences of it are differences in months. #}
{% macro month_number(date) -%}
    (extract(year from {{ date }}) * 12 + extract(month from {{ date }}))
{%- endmacro %}

{# Fiscal year (April to March) of a date. #}
{% macro fiscal_year(date) -%}
    (extract(year from {{ date }}) - case when extract(month from {{ date }}) < 4 then 1 else 0 end)
{%- endmacro %}

{# First day of a fiscal year. #}
{% macro fiscal_year_start(year) %}make_date(cast({{ year }} as integer), 4, 1){% endmacro %}

{# The month of reference: the parameter of the run, else that of the last finished build. #}
{% macro reference_month() -%}
    {%- if var('reference_month') -%}
        date '{{ var("reference_month") }}'
    {%- else -%}
        (select max(reference_month) from {{ source('control', 'build') }} where state = 'finished')
    {%- endif -%}
{%- endmacro %}
