{#- Attendance, findings, questions and guidance. -#}
{%- set counted = {'schemes': ['kokuho', 'kumiai', 'koki'], 'measures': [
    'measure_attendance', 'measure_continuity', 'measure_checkup',
    'measure_metabolic', 'measure_questionnaire', 'measure_guidance'
]} -%}
{{ config(
    pre_hook=[
        "{{ count_last_years(" ~ counted ~ ") }}",
        "{{ delete_reached('scheme_fiscal_year', 'fact_checkups.period') }}"
    ],
    post_hook="{{ count_years_before('count_figures', " ~ counted ~ ") }}"
) }}

{{ count_figures(**counted) }}
