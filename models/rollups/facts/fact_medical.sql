{#- Receipts by kind, drugs, visits and what grew severe, and receipts held against checkups. -#}
{%- set counted = {'schemes': ['kokuho', 'kumiai', 'koki'], 'measures': [
    'measure_medical', 'measure_classification', 'measure_crossing', 'measure_prescription', 'measure_visit',
    'measure_severity'
]} -%}
{{ config(
    pre_hook=[
        "{{ count_last_years(" ~ counted ~ ") }}",
        "{{ delete_reached('scheme_fiscal_year', 'fact_medical.period') }}"
    ],
    post_hook="{{ count_years_before('count_figures', " ~ counted ~ ") }}"
) }}

{{ count_figures(**counted) }}
