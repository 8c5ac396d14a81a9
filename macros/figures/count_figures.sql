{# The figures of some measures, in rows of indicator_fact: what a model of models/rollups/facts is.

    A sum adds up over places. Persons do not: who is seen in two places of an area is one person of that area. So a
    person who keeps one place and sex through the fiscal year is counted there and added up the ladder (steady_*), and
    the few who change are counted anew in every area (moving_*). In the same way all ages and both sexes together are
    added up, but for persons who change their band or sex within the year. And who is in one of 国保 and 後期 alone, and
    steady there, counts for 国保＋後期 as counted there (is_shared); the others are counted anew for it. Whether a person
    keeps these is asked of a measure as a whole, once for all its figures. The year to date counts a person at the
    first month in which the person appears. Of a month, persons are counted above the line only where they are below it
    too (matched_count). What is shown by the year alone (is_of_years) is added up by person first, into its first month,
    and has no running sums. A figure over the denominator of another (seeds indicator_bases and indicator_classes) takes
    it at the end, from the same cell.

    Millions of rows are grouped on the way, so figures, places, areas, sexes, bands and persons go by numbers of this
    run (*_no; 0 is all sexes, all bands); the names come back at the end.

    measures     models of models/rollups/measures that all bring the same columns
    has_classes  whether they tell their figures by class of disease (class_code)
    schemes      schemes that the measures bring (国保＋後期 is made of its two)
    base_facts   model whose figures those of the classes are over, where the measures do not bring them
    reach        which changes reach a year of a scheme (change_set.sql) #}
{% macro count_figures(measures, schemes, has_classes=false, base_facts=none, reach='scheme_fiscal_year') -%}
with
{{ list_figures(schemes, reach) }},

{{ place_contributions(measures, has_classes) }},

{{ count_steady_persons() }},

{{ count_moving_persons() }},

{{ add_up_areas() }},

{{ put_together_periods(base_facts) }}

select * from final
{%- endmacro %}

{# What is counted in every cell: sums, persons, and the largest that one person brings. #}
{% macro figure_columns() -%}
{{ return([
    'numerator', 'denominator', 'contributor_count', 'denominator_contributor_count', 'new_contributor_count',
    'new_denominator_contributor_count', 'anonymous_count', 'matched_count', 'largest_contribution', 'largest_running'
]) }}
{%- endmacro %}

{# Figures of several cells together. #}
{% macro figures_together() -%}
{% for figure in figure_columns() -%}
cast({{ 'max' if figure.startswith('largest') else 'sum' }}({{ figure }}) as bigint) as {{ figure }}{{ ', ' if not loop.last }}
{%- endfor %}
{%- endmacro %}

{# CTEs: `catalogue` of the figures by their numbers, `schemes`, `months`, and the years that are counted. #}
{% macro list_figures(schemes, reach) -%}
figures_listed as (
    select
        indicators.indicator_id,
        indicators.definition_version,
        '' as class_code,
        cast(null as varchar) as class_base_id,
        bases.base_indicator_id as shared_base_id,
        indicators.indicator_id not in (select indicator_id from {{ ref('indicator_classes') }}) as is_shown
    from {{ ref('indicators') }} as indicators
    left join {{ ref('indicator_bases') }} as bases on indicators.indicator_id = bases.indicator_id
    union all
    select
        indicators.indicator_id,
        indicators.definition_version,
        classes.class_code,
        of_classes.base_indicator_id as class_base_id,
        null as shared_base_id,
        true as is_shown
    from {{ ref('indicators') }} as indicators
    inner join {{ ref('indicator_classes') }} as of_classes on indicators.indicator_id = of_classes.indicator_id
    inner join {{ ref('disease_classes') }} as classes
        on instr(concat(' ', of_classes.class_kind_codes, ' '), concat(' ', classes.class_kind_code, ' ')) > 0
),

figures_numbered as (
    select
        *,
        cast(row_number() over (order by indicator_id, definition_version, class_code) as integer) as indicator_no
    from figures_listed
),

catalogue as (
    select
        figures.indicator_no,
        figures.class_code,
        figures.is_shown,
        class_bases.indicator_no as class_base_no,
        shared_bases.indicator_no as shared_base_no,
        indicators.indicator_id,
        indicators.definition_version,
        indicators.valid_from,
        indicators.valid_to,
        concat(' ', indicators.scheme_codes, ' ') as scheme_codes,
        concat(' ', indicators.period_kinds, ' ') as period_kinds,
        concat(' ', indicators.period_kinds, ' ') like '% month %' as has_months,
        concat(' ', indicators.period_kinds, ' ') like '% year_to_date %' as has_years_to_date,
        concat(' ', indicators.period_kinds, ' ') like '% fiscal_year %' as has_fiscal_years,
        indicators.period_kinds = 'fiscal_year' as is_of_years,
        instr(concat(' ', indicators.scheme_codes, ' '), ' kokuho_koki ') > 0 as is_joint,
        -- What is not additive over area and period is counted in persons.
        concat(' ', indicators.additive_over, ' ') like '% area %'
        and concat(' ', indicators.additive_over, ' ') like '% period %' as is_sum
    from figures_numbered as figures
    inner join {{ ref('indicators') }} as indicators
        on
            figures.indicator_id = indicators.indicator_id
            and figures.definition_version = indicators.definition_version
    left join figures_numbered as class_bases
        on figures.class_base_id = class_bases.indicator_id and class_bases.class_code = ''
    left join figures_numbered as shared_bases
        on figures.shared_base_id = shared_bases.indicator_id and shared_bases.class_code = ''
),

months as (
    select * from {{ ref('int_calendar__list_months') }}
),

schemes as (
    {% for number, scheme in [(1, 'kokuho'), (2, 'kumiai'), (3, 'koki'), (4, 'care'), (5, 'kokuho_koki')] -%}
    select
        {{ number }} as scheme_no,
        '{{ scheme }}' as scheme_code
    {{ 'union all' if not loop.last }}
    {% endfor -%}
),

scheme_years as (
    {{ scheme_years(schemes) }}
),

-- What is counted anew, and what is asked for it: 国保＋後期 is made of both.
years_reached as (
    select
        scheme_code,
        fiscal_year
    from scheme_years
    where
        {{ is_counted_year('fiscal_year') }}
        and {{ only_reached('scheme_years', reach, 'scheme_years.month') }}
),

years_asked as (
    select
        scheme_code,
        fiscal_year
    from years_reached
    union distinct
    select
        schemes.scheme_code,
        years_reached.fiscal_year
    from years_reached
    cross join schemes
    where years_reached.scheme_code = 'kokuho_koki' and schemes.scheme_code in ('kokuho', 'koki')
)
{%- endmacro %}
