{#- The one long table of figures; what counts them is macros/figures/count_figures.sql. -#}
{{ config(materialized='view') }}

{% for part in ['members', 'checkups', 'medical', 'diseases', 'care', 'certified', 'certified_cost'] -%}
select * from {{ ref('fact_' ~ part) }}
{{ 'union all' if not loop.last }}
{% endfor -%}
