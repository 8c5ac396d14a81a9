{#- Figures as others may see them; how they are protected is macros/protect_figures.sql. -#}
{{ config(
    pre_hook=[
        "{{ count_last_years() }}",
        "{{ delete_reached('scheme_year_or_care', 'statistic.period') }}"
    ],
    post_hook="{{ count_years_before('protect_figures') }}"
) }}

{{ protect_figures() }}
