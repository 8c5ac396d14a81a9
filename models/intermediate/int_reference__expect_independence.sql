{#- 平均自立期間 by Sullivan: of an abridged life table (Chiang) of the residents' deaths, the years that are lived without
    certification, the share of the certified at an age being that of its years. Of areas whose deaths and residents came
    by age, of whose every town certifications came, and that are not too small. Counts in thousandths, variances in
    10^-9 of a year squared, so that sums are of whole numbers. -#}
{%- set rules = ['open_age', 'lived_share_percent', 'least_population', 'interval_per_mille'] -%}
{%- set area = ['fiscal_year', 'area_level', 'area_id'] | join(', ') -%}
{%- set born = 100000.0 -%}
with rules as (
    select
        years.fiscal_year,
        {% for rule in rules -%}
        max(case when rules.rule_code = '{{ rule }}' then rules.value end) as {{ rule }}{{ ',' if not loop.last }}
        {% endfor %}
    from (select distinct fiscal_year from {{ ref('int_calendar__list_months') }}) as years
    inner join {{ ref('life_table_rules') }} as rules
        on
            {{ fiscal_year_start('years.fiscal_year') }} >= rules.valid_from
            and (rules.valid_to is null or {{ fiscal_year_start('years.fiscal_year') }} < rules.valid_to)
    group by years.fiscal_year
),

bands as (
    select
        rules.fiscal_year,
        bands.age_band_code,
        least(bands.age_from, rules.open_age) as age_from,
        bands.age_from >= rules.open_age as is_open,
        bands.age_to - bands.age_from + 1 as width
    from {{ ref('age_bands') }} as bands
    cross join rules
),

given as (
    select * from {{ ref('int_reference__sum_areas') }}
),

of_ages as (
    select
        deaths.fiscal_year,
        deaths.area_level,
        deaths.area_id,
        deaths.sex_code,
        bands.age_from,
        bands.is_open,
        max(bands.width) as width,
        sum(deaths.measured_count) as deaths_count,
        sum(residents.measured_count) as residents_count,
        count(*) as bands_count
    from given as deaths
    inner join given as residents
        on
            deaths.fiscal_year = residents.fiscal_year
            and deaths.area_level = residents.area_level
            and deaths.area_id = residents.area_id
            and deaths.sex_code = residents.sex_code
            and deaths.age_band_code = residents.age_band_code
            and residents.measure_code = 'population'
    inner join bands on deaths.fiscal_year = bands.fiscal_year and deaths.age_band_code = bands.age_band_code
    where deaths.measure_code = 'deaths' and deaths.sex_code in ('1', '2')
    group by
        deaths.fiscal_year, deaths.area_level, deaths.area_id, deaths.sex_code, bands.age_from, bands.is_open
),

-- Only where both came at every age of both sexes, and where somebody lives at each.
whole as (
    select
        {{ area }},
        sum(residents_count) as residents_count
    from of_ages
    group by {{ area }}
    having sum(bands_count) = 2 * (select count(*) from {{ ref('age_bands') }}) and min(residents_count) > 0
),

certified as (
    select * from {{ ref('care_person_month') }}
    where municipality_code is not null
),

certified_months as (
    select
        fiscal_year,
        municipality_code,
        count(distinct month) as months_count
    from certified
    group by fiscal_year, municipality_code
),

levels as (
    select * from {{ ref('independence_levels') }}
),

certified_in_towns as (
    select
        certified.fiscal_year,
        certified.municipality_code,
        levels.measure_code,
        certified.sex_code,
        bands.age_from,
        count(*) as person_months_count
    from certified
    inner join bands on certified.fiscal_year = bands.fiscal_year and certified.age_band_code = bands.age_band_code
    inner join levels
        on
            certified.care_level_code = levels.care_level_code
            and certified.month >= levels.valid_from
            and (levels.valid_to is null or certified.month < levels.valid_to)
    group by
        certified.fiscal_year, certified.municipality_code, levels.measure_code, certified.sex_code, bands.age_from
),

areas as (
    select
        fiscal_year,
        municipality_code,
        'municipality' as area_level,
        municipality_code as area_id,
        1 as municipalities_count
    from certified_months
    union all
    select
        fiscal_year,
        municipality_code,
        area_level,
        area_id,
        municipalities_count
    from {{ ref('int_reference__list_parents') }}
),

told as (
    select
        areas.fiscal_year,
        areas.area_level,
        areas.area_id
    from areas
    inner join certified_months
        on
            areas.fiscal_year = certified_months.fiscal_year
            and areas.municipality_code = certified_months.municipality_code
    group by areas.fiscal_year, areas.area_level, areas.area_id
    having count(*) = max(areas.municipalities_count)
),

-- Certified persons of a mean month.
dependent as (
    select
        areas.fiscal_year,
        areas.area_level,
        areas.area_id,
        counted.measure_code,
        counted.sex_code,
        counted.age_from,
        sum(cast(round(counted.person_months_count * 1000.0 / months.months_count) as bigint)) as persons_thousandths
    from certified_in_towns as counted
    inner join certified_months as months
        on counted.fiscal_year = months.fiscal_year and counted.municipality_code = months.municipality_code
    inner join areas
        on counted.fiscal_year = areas.fiscal_year and counted.municipality_code = areas.municipality_code
    group by
        areas.fiscal_year, areas.area_level, areas.area_id, counted.measure_code, counted.sex_code, counted.age_from
),

-- Chances: of dying within a band, and of being certified in it.
chances as (
    select
        of_ages.fiscal_year,
        of_ages.area_level,
        of_ages.area_id,
        measures.measure_code,
        of_ages.sex_code,
        of_ages.age_from,
        of_ages.is_open,
        of_ages.width,
        rules.interval_per_mille,
        rules.lived_share_percent / 100.0 as lived_share,
        cast(of_ages.deaths_count as double) as deaths,
        cast(of_ages.residents_count as double) as residents,
        least(1.0, coalesce(dependent.persons_thousandths, 0) / 1000.0 / of_ages.residents_count) as dependent_share,
        count(*) over (
            partition by
                of_ages.fiscal_year, of_ages.area_level, of_ages.area_id, measures.measure_code, of_ages.sex_code
        ) as ages_count
    from of_ages
    inner join whole
        on
            of_ages.fiscal_year = whole.fiscal_year
            and of_ages.area_level = whole.area_level
            and of_ages.area_id = whole.area_id
    inner join told
        on
            of_ages.fiscal_year = told.fiscal_year
            and of_ages.area_level = told.area_level
            and of_ages.area_id = told.area_id
    inner join rules
        on of_ages.fiscal_year = rules.fiscal_year and whole.residents_count >= rules.least_population
    cross join (select distinct measure_code from levels) as measures
    left join dependent
        on
            of_ages.fiscal_year = dependent.fiscal_year
            and of_ages.area_level = dependent.area_level
            and of_ages.area_id = dependent.area_id
            and measures.measure_code = dependent.measure_code
            and of_ages.sex_code = dependent.sex_code
            and of_ages.age_from = dependent.age_from
),

dying as (
    select
        *,
        case
            when is_open then 1.0
            else width * deaths / residents / (1 + width * (1 - lived_share) * deaths / residents)
        end as death_chance
    from chances
),

surviving as (
    select
        *,
        {{ born }} * coalesce(
            exp(
                sum(ln(case when is_open then 1.0 else 1 - death_chance end)) over (
                    partition by {{ area }}, measure_code, sex_code
                    order by age_from
                    rows between unbounded preceding and 1 preceding
                )
            ), 1.0
        ) as alive
    from dying
    where is_open or death_chance < 1
),

lived as (
    select
        *,
        case
            when is_open then alive * residents / deaths
            else width * alive * (1 - (1 - lived_share) * death_chance)
        end as years
    from surviving
    where not is_open or deaths > 0
),

free as (
    select
        *,
        cast(round(years * (1 - dependent_share) * 1000) as bigint) as free_thousandths
    from lived
),

-- How far chance reaches: of the deaths at each age (Chiang) and of the share of the certified (Sullivan).
spread as (
    select
        *,
        cast(round(1000000000 * (
            case
                when is_open
                    then
                        alive * alive / {{ born }} / {{ born }} * (1 - dependent_share) * (1 - dependent_share)
                        * residents * residents / deaths / deaths / deaths
                when deaths = 0 then 0
                else
                    alive * alive / {{ born }} / {{ born }}
                    * (
                        (1 - lived_share) * width * (1 - dependent_share)
                        + later_thousandths / 1000.0 / (alive * (1 - death_chance))
                    )
                    * (
                        (1 - lived_share) * width * (1 - dependent_share)
                        + later_thousandths / 1000.0 / (alive * (1 - death_chance))
                    )
                    * death_chance * death_chance * (1 - death_chance) / deaths
            end
            + years * years / {{ born }} / {{ born }} * dependent_share * (1 - dependent_share) / residents
        )) as bigint) as variance_billionths
    from (
        select
            *,
            coalesce(
                sum(free_thousandths) over (
                    partition by {{ area }}, measure_code, sex_code
                    order by age_from
                    rows between 1 following and unbounded following
                ), 0
            ) as later_thousandths
        from free
    ) as with_later
),

expected as (
    select
        {{ area }},
        measure_code,
        sex_code,
        sum(free_thousandths) / 1000.0 / {{ born }} as years,
        max(interval_per_mille) / 1000.0 * sqrt(sum(variance_billionths) / 1000000000.0) as half_width
    from spread
    group by {{ area }}, measure_code, sex_code
    having count(*) = max(ages_count)
),

final as (
    select
        {{ area }},
        measure_code,
        sex_code,
        cast(round(100 * years) as bigint) as expected_count,
        cast(round(100 * (years - half_width)) as bigint) as lower_count,
        cast(round(100 * (years + half_width)) as bigint) as upper_count
    from expected
)

select * from final
