{{ config(materialized='table') }}

{#- Figures that rest on public tables. They are no sums over persons of the deliveries, so no change set reaches them:
    every build makes them anew. Two kinds:

    residents  of everybody who lives in the area, from the tables alone
    kokuho     of a table and the members of 国保: an area has one only where each of its towns with members is in the
               table, so that it tells of no other members than indicator_fact does -#}
{%- set shares = [
    ('residents_under_40', 'population_under_40', 'population_total'),
    ('residents_40_64', 'population_40_64', 'population_total'),
    ('residents_65_74', 'population_65_74', 'population_total'),
    ('residents_75_up', 'population_75_up', 'population_total'),
    ('residents_65_up', 'population_65_up', 'population_total'),
    ('industry_primary', 'employed_primary', 'employed'),
    ('industry_secondary', 'employed_secondary', 'employed'),
    ('industry_tertiary', 'employed_tertiary', 'employed'),
    ('death_cancer', 'deaths_cancer', 'six_causes'),
    ('death_heart', 'deaths_heart', 'six_causes'),
    ('death_brain', 'deaths_brain', 'six_causes'),
    ('death_diabetes', 'deaths_diabetes', 'six_causes'),
    ('death_kidney', 'deaths_kidney', 'six_causes'),
    ('death_suicide', 'deaths_suicide', 'six_causes'),
] -%}
{%- set causes = "'deaths_cancer', 'deaths_heart', 'deaths_brain', 'deaths_diabetes', 'deaths_kidney', 'deaths_suicide'" -%}
{%- set per_members = {
    'population_total': 'enrolment_share', 'hospitals': 'hospitals_per_1000', 'clinics': 'clinics_per_1000',
    'beds': 'beds_per_1000', 'doctors': 'doctors_per_1000'
} -%}
{%- set sexes = {'1': 'male', '2': 'female'} -%}
{%- set ends = {'': 'expected_count', '_lower': 'lower_count', '_upper': 'upper_count'} -%}
{%- set place = ['fiscal_year', 'area_level', 'area_id'] | join(', ') -%}

with catalogue as (
    select * from {{ ref('indicators') }}
),

given as (
    select * from {{ ref('int_reference__sum_areas') }}
),

of_all as (
    select
        {{ place }},
        measure_code,
        measured_count
    from given
    where sex_code = 'all' and age_band_code = 'all'
    union all
    select
        {{ place }},
        'six_causes' as measure_code,
        sum(measured_count) as measured_count
    from given
    where measure_code in ({{ causes }})
    group by {{ place }}
    having count(*) = 6
),

-- 標準化死亡比: the deaths that the nation's rates would give among the area's residents, age by age, in millionths of
-- a death so that sums are of whole numbers.
residents as (
    select * from given
    where measure_code = 'population' and sex_code <> 'all' and age_band_code <> 'all'
),

rates as (
    select
        deaths.fiscal_year,
        deaths.sex_code,
        deaths.age_band_code,
        cast(deaths.measured_count as double) * 1000000 / cast(residents.measured_count as double) as rate_millionths,
        count(*) over (partition by deaths.fiscal_year, deaths.sex_code) as bands_count
    from given as deaths
    inner join residents
        on
            deaths.fiscal_year = residents.fiscal_year
            and deaths.sex_code = residents.sex_code
            and deaths.age_band_code = residents.age_band_code
            and residents.area_level = 'nation'
            and residents.measured_count > 0
    where deaths.measure_code = 'deaths' and deaths.area_level = 'nation'
),

expected as (
    select
        residents.fiscal_year,
        residents.area_level,
        residents.area_id,
        residents.sex_code,
        sum(cast(round(rates.rate_millionths * cast(residents.measured_count as double)) as bigint)) as deaths_millionths
    from residents
    inner join rates
        on
            residents.fiscal_year = rates.fiscal_year
            and residents.sex_code = rates.sex_code
            and residents.age_band_code = rates.age_band_code
            and rates.bands_count = (select count(*) from {{ ref('age_bands') }})
    group by residents.fiscal_year, residents.area_level, residents.area_id, residents.sex_code
),

independence as (
    select * from {{ ref('int_reference__expect_independence') }}
),

of_residents as (
    select
        'residents' as indicator_id,
        {{ place }},
        measured_count as numerator,
        0 as denominator
    from of_all
    where measure_code = 'population_total'
    {% for indicator, above, below in shares -%}
    union all
    select
        '{{ indicator }}' as indicator_id,
        parts.fiscal_year,
        parts.area_level,
        parts.area_id,
        parts.measured_count as numerator,
        wholes.measured_count as denominator
    from of_all as parts
    inner join of_all as wholes
        on
            parts.fiscal_year = wholes.fiscal_year
            and parts.area_level = wholes.area_level
            and parts.area_id = wholes.area_id
            and wholes.measure_code = '{{ below }}'
    where parts.measure_code = '{{ above }}' and wholes.measured_count > 0
    {% endfor -%}
    {% for sex, name in sexes.items() -%}
    union all
    select
        'life_expectancy_{{ name }}' as indicator_id,
        {{ place }},
        measured_count as numerator,
        100 as denominator
    from given
    where measure_code = 'life_expectancy' and sex_code = '{{ sex }}'
    union all
    select
        'mortality_ratio_{{ name }}' as indicator_id,
        deaths.fiscal_year,
        deaths.area_level,
        deaths.area_id,
        deaths.measured_count * 1000 as numerator,
        round(expected.deaths_millionths / 1000.0) as denominator
    from given as deaths
    inner join expected
        on
            deaths.fiscal_year = expected.fiscal_year
            and deaths.area_level = expected.area_level
            and deaths.area_id = expected.area_id
            and deaths.sex_code = expected.sex_code
    where deaths.measure_code = 'deaths' and deaths.sex_code = '{{ sex }}' and deaths.age_band_code = 'all'
    {% for measure in ['care2', 'any'] -%}
    {% for end, column in ends.items() -%}
    union all
    select
        'independent_years_{{ measure }}_{{ name }}{{ end }}' as indicator_id,
        {{ place }},
        {{ column }} as numerator,
        100 as denominator
    from independence
    where measure_code = '{{ measure }}' and sex_code = '{{ sex }}'
    {% endfor -%}
    {% endfor -%}
    {% endfor -%}
),

members as (
    select
        cast({{ fiscal_year('period') }} as bigint) as fiscal_year,
        period_kind,
        area_level,
        area_id,
        numerator as member_months,
        contributor_count,
        largest_contribution
    from {{ ref('indicator_fact') }}
    where
        indicator_id = 'members'
        and scheme_code = 'kokuho'
        and sex_code = 'all'
        and age_band_code = 'all'
        and numerator > 0
),

months_counted as (
    select
        fiscal_year,
        area_id as municipality_code,
        count(*) as months_count
    from members
    where area_level = 'municipality' and period_kind = 'month'
    group by fiscal_year, area_id
),

in_towns as (
    select
        members.fiscal_year,
        members.area_id as municipality_code,
        of_all.measure_code,
        members.member_months,
        of_all.measured_count * months_counted.months_count as value_months
    from members
    inner join months_counted
        on members.fiscal_year = months_counted.fiscal_year and members.area_id = months_counted.municipality_code
    inner join of_all
        on
            members.fiscal_year = of_all.fiscal_year
            and of_all.area_level = 'municipality'
            and members.area_id = of_all.area_id
    where
        members.area_level = 'municipality'
        and members.period_kind = 'fiscal_year'
        and of_all.measure_code in ('{{ per_members | join("', '") }}')
),

in_areas as (
    select
        fiscal_year,
        'municipality' as area_level,
        municipality_code as area_id,
        measure_code,
        member_months,
        value_months
    from in_towns
    union all
    select
        in_towns.fiscal_year,
        parents.area_level,
        parents.area_id,
        in_towns.measure_code,
        sum(in_towns.member_months) as member_months,
        sum(in_towns.value_months) as value_months
    from in_towns
    inner join {{ ref('int_reference__list_parents') }} as parents
        on in_towns.municipality_code = parents.municipality_code and in_towns.fiscal_year = parents.fiscal_year
    group by in_towns.fiscal_year, parents.area_level, parents.area_id, in_towns.measure_code
),

of_members as (
    select
        in_areas.*,
        members.contributor_count,
        members.largest_contribution,
        case in_areas.measure_code
            {% for measure, indicator in per_members.items() -%}
            when '{{ measure }}' then '{{ indicator }}'
            {% endfor -%}
        end as indicator_id,
        in_areas.measure_code = 'population_total' as is_of_residents
    from in_areas
    inner join members
        on
            in_areas.fiscal_year = members.fiscal_year
            and in_areas.area_level = members.area_level
            and in_areas.area_id = members.area_id
            and in_areas.member_months = members.member_months
            and members.period_kind = 'fiscal_year'
),

figures as (
    select
        indicator_id,
        'residents' as scheme_code,
        {{ place }},
        numerator,
        denominator,
        0 as contributor_count,
        0 as largest_contribution
    from of_residents
    union all
    select
        indicator_id,
        'kokuho' as scheme_code,
        {{ place }},
        case when is_of_residents then member_months else value_months end as numerator,
        case when is_of_residents then value_months else member_months end as denominator,
        case when is_of_residents then contributor_count else 0 end as contributor_count,
        case when is_of_residents then largest_contribution else 0 end as largest_contribution
    from of_members
),

final as (
    select
        figures.indicator_id,
        catalogue.definition_version,
        'fiscal_year' as period_kind,
        {{ fiscal_year_start('figures.fiscal_year') }} as period,
        figures.scheme_code,
        figures.area_level,
        figures.area_id,
        'all' as sex_code,
        'all' as age_band_code,
        cast(figures.numerator as bigint) as numerator,
        cast(figures.denominator as bigint) as denominator,
        cast(figures.contributor_count as bigint) as contributor_count,
        cast(figures.largest_contribution as bigint) as largest_contribution
    from figures
    inner join catalogue
        on
            figures.indicator_id = catalogue.indicator_id
            and {{ fiscal_year_start('figures.fiscal_year') }} >= catalogue.valid_from
            and (
                catalogue.valid_to is null or {{ fiscal_year_start('figures.fiscal_year') }} < catalogue.valid_to
            )
)

select * from final
