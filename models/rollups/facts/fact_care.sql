{#- Certification and care. -#}
{%- set counted = {'schemes': ['care'], 'measures': ['measure_care']} -%}
{{ config(
    pre_hook=[
        "{{ count_last_years(" ~ counted ~ ") }}",
        "{{ delete_reached('scheme_fiscal_year', 'fact_care.period') }}"
    ],
    post_hook="{{ count_years_before('count_figures', " ~ counted ~ ") }}"
) }}

{{ count_figures(**counted) }}
