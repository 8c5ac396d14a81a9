{#- Members, how well records are joined to them, and they beside the population. -#}
{%- set counted = {'schemes': ['kokuho', 'kumiai', 'koki', 'care'], 'measures': ['measure_members', 'measure_linkage', 'measure_population']} -%}
{{ config(
    pre_hook=[
        "{{ count_last_years(" ~ counted ~ ") }}",
        "{{ delete_reached('scheme_fiscal_year', 'fact_members.period') }}"
    ],
    post_hook="{{ count_years_before('count_figures', " ~ counted ~ ") }}"
) }}

{{ count_figures(**counted) }}
