{#- Cost, patients and new patients by class of disease, over the members and the cost of fact_medical. -#}
{%- set counted = {'schemes': ['kokuho', 'kumiai', 'koki'], 'measures': ['measure_disease', 'measure_new_patients'], 'has_classes': true, 'base_facts': 'fact_medical'} -%}
{{ config(
    pre_hook=[
        "{{ count_last_years(" ~ counted ~ ") }}",
        "{{ delete_reached('scheme_fiscal_year', 'fact_diseases.period') }}"
    ],
    post_hook="{{ count_years_before('count_figures', " ~ counted ~ ") }}"
) }}

{{ count_figures(**counted) }}
