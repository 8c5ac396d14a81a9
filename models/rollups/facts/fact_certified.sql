{#- What the certified are ill of, by class of disease. -#}
{%- set counted = {'schemes': ['care'], 'measures': ['measure_certified'], 'has_classes': true} -%}
{{ config(
    pre_hook=[
        "{{ count_last_years(" ~ counted ~ ") }}",
        "{{ delete_reached('scheme_fiscal_year', 'fact_certified.period') }}"
    ],
    post_hook="{{ count_years_before('count_figures', " ~ counted ~ ") }}"
) }}

{{ count_figures(**counted) }}
