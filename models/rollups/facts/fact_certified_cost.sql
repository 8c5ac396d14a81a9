{#- What receipts cost in months with and without a certification; of those alone a certification reaches years of
    国保 and 後期 that are long past. -#}
{%- set counted = {
    'schemes': ['kokuho', 'kumiai', 'koki'], 'measures': ['measure_certified_cost'], 'reach': 'scheme_year_or_care'
} -%}
{{ config(
    pre_hook=[
        "{{ count_last_years(" ~ counted ~ ") }}",
        "{{ delete_reached('scheme_year_or_care', 'fact_certified_cost.period') }}"
    ],
    post_hook="{{ count_years_before('count_figures', " ~ counted ~ ") }}"
) }}

{{ count_figures(**counted) }}
