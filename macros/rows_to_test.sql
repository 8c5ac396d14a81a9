{# What a test of `model` reads: all of it or, in a build of what changed, the schemes and fiscal years that are reached.

    period   a column of the model, for models of that reach; none: always all
    What is not reached was tested when it was written, and would cost a month the more the longer the history. An analyst
    (no month of reference is given) tests all. #}
{% macro rows_to_test(model, period) -%}
{% if period and var('reference_month') and not flags.FULL_REFRESH -%}
(
    select * from (select * from {{ model }}) as tested
    where {{ is_reached('tested', 'scheme_year_or_care', 'tested.' ~ period) }}
) as reached
{%- else -%}
{{ model }}
{%- endif %}
{%- endmacro %}
