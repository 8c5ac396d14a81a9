{# CTEs: who keeps place, sex and band through a year (`persons`), and the cells of those who keep place and sex,
    from their place up to its town (`steady_places`, `steady_towns`). #}
{% macro count_steady_persons() -%}
persons_met as (
    select
        measure_no,
        year_no,
        person_no,
        min(place_no) as place_no,
        min(sex_no) as first_sex_no,
        max(sex_no) as last_sex_no,
        min(band_no) as first_band_no,
        max(band_no) as last_band_no,
        min(place_no) = max(place_no) and min(sex_no) = max(sex_no) as is_steady
    from told
    where person_no is not null
    group by measure_no, year_no, person_no
),

-- Persons of 国保 or 後期 as those of 国保＋後期; who was in both within the year has two rows above.
joint_persons as (
    select
        persons_met.measure_no,
        joint_years.joint_year_no,
        persons_met.person_no,
        min(persons_met.first_sex_no) = max(persons_met.last_sex_no) as keeps_sex,
        min(persons_met.first_band_no) = max(persons_met.last_band_no) as keeps_band,
        count(*) = 1 and min(case when persons_met.is_steady then 1 else 0 end) = 1 as is_shared
    from persons_met
    inner join (
        select distinct
            places.year_no,
            joint_places.joint_year_no
        from joint_places
        inner join places on joint_places.place_no = places.place_no
    ) as joint_years on persons_met.year_no = joint_years.year_no
    group by persons_met.measure_no, joint_years.joint_year_no, persons_met.person_no
),

persons as (
    select
        persons_met.measure_no,
        persons_met.year_no,
        persons_met.person_no,
        joint_places.joint_year_no,
        persons_met.is_steady,
        persons_met.first_sex_no = persons_met.last_sex_no as keeps_sex,
        persons_met.first_band_no = persons_met.last_band_no as keeps_band,
        coalesce(joint_persons.is_shared, false) as is_shared
    from persons_met
    left join joint_places on persons_met.place_no = joint_places.place_no
    left join joint_persons
        on
            persons_met.measure_no = joint_persons.measure_no
            and joint_places.joint_year_no = joint_persons.joint_year_no
            and persons_met.person_no = joint_persons.person_no
),

steady as (
    select
        told.indicator_no,
        told.is_of_years,
        told.place_no,
        told.month,
        told.sex_no,
        told.band_no,
        told.person_no,
        persons.is_shared,
        persons.keeps_band,
        told.numerator,
        told.denominator
    from told
    inner join persons
        on
            told.measure_no = persons.measure_no
            and told.year_no = persons.year_no
            and told.person_no = persons.person_no
    where persons.is_steady
),

-- Who changes the band is told of twice, in each band and in all of them.
steady_in_bands as (
    select * from steady
    union all
    select
        indicator_no,
        is_of_years,
        place_no,
        month,
        sex_no,
        cast(0 as tinyint) as band_no,
        person_no,
        is_shared,
        keeps_band,
        numerator,
        denominator
    from steady
    where not keeps_band
),

-- Of a figure of years, a person's sums in the year.
steady_of_years as (
    select
        indicator_no,
        place_no,
        min(month) as month,
        sex_no,
        band_no,
        is_shared,
        keeps_band,
        cast(sum(numerator) as bigint) as numerator,
        cast(sum(denominator) as bigint) as denominator
    from steady_in_bands
    where is_of_years
    group by indicator_no, place_no, sex_no, band_no, is_shared, keeps_band, person_no
),

-- Of a figure of months, the running sum of a person's numerators in the year: where it is the numerator, it is the
-- first. One number stands for figure, band, place (and with it the year) and person.
steady_numerators as (
    select
        indicator_no,
        place_no,
        month,
        sex_no,
        band_no,
        is_shared,
        keeps_band,
        numerator,
        denominator,
        sum(numerator) over (
            partition by
                cast(indicator_no as bigint) * 100 + band_no, cast(place_no as bigint) * 10000000000 + person_no
            order by month
            rows between unbounded preceding and current row
        ) as running_numerator
    from steady_in_bands
    where not is_of_years and numerator <> 0
),

-- And the month in which the person is below the line first.
steady_first_months as (
    select
        indicator_no,
        place_no,
        min(month) as month,
        sex_no,
        band_no,
        is_shared,
        keeps_band
    from steady_in_bands
    where not is_of_years and denominator <> 0
    group by indicator_no, place_no, sex_no, band_no, is_shared, keeps_band, person_no
),

own_cells as (
    {% set cell = 'indicator_no, is_shared, place_no, month, sex_no, band_no, keeps_band' -%}
    select
        {{ cell }},
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        count(case when numerator <> 0 then 1 end) as contributor_count,
        count(case when denominator <> 0 then 1 end) as denominator_contributor_count,
        count(case when numerator <> 0 then 1 end) as new_contributor_count,
        count(case when denominator <> 0 then 1 end) as new_denominator_contributor_count,
        0 as anonymous_count,
        count(case when numerator <> 0 and denominator <> 0 then 1 end) as matched_count,
        max(numerator) as largest_contribution,
        max(numerator) as largest_running
    from steady_of_years
    group by {{ cell }}
    union all
    select
        {{ cell }},
        sum(numerator) as numerator,
        0 as denominator,
        count(*) as contributor_count,
        0 as denominator_contributor_count,
        count(case when running_numerator = numerator then 1 end) as new_contributor_count,
        0 as new_denominator_contributor_count,
        0 as anonymous_count,
        count(case when denominator <> 0 then 1 end) as matched_count,
        max(numerator) as largest_contribution,
        max(running_numerator) as largest_running
    from steady_numerators
    group by {{ cell }}
    union all
    select
        {{ cell }},
        0 as numerator,
        sum(denominator) as denominator,
        0 as contributor_count,
        count(*) as denominator_contributor_count,
        0 as new_contributor_count,
        0 as new_denominator_contributor_count,
        0 as anonymous_count,
        0 as matched_count,
        0 as largest_contribution,
        0 as largest_running
    from steady_in_bands
    where not is_of_years and denominator <> 0
    group by {{ cell }}
    union all
    select
        {{ cell }},
        0 as numerator,
        0 as denominator,
        0 as contributor_count,
        0 as denominator_contributor_count,
        0 as new_contributor_count,
        count(*) as new_denominator_contributor_count,
        0 as anonymous_count,
        0 as matched_count,
        0 as largest_contribution,
        0 as largest_running
    from steady_first_months
    group by {{ cell }}
    union all
    -- Counts that come without persons (the table of care insured).
    select
        indicator_no,
        true as is_shared,
        place_no,
        month,
        sex_no,
        band_no,
        true as keeps_band,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        0 as contributor_count,
        0 as denominator_contributor_count,
        0 as new_contributor_count,
        0 as new_denominator_contributor_count,
        sum(denominator) as anonymous_count,
        0 as matched_count,
        0 as largest_contribution,
        0 as largest_running
    from told
    where person_no is null
    group by indicator_no, place_no, month, sex_no, band_no
),

{% set figures = figure_columns() | join(', ') -%}
steady_cells as (
    select
        indicator_no,
        place_no,
        month,
        sex_no,
        band_no,
        keeps_band,
        {{ figures }}
    from own_cells
    union all
    select
        own_cells.indicator_no,
        joint_places.joint_place_no as place_no,
        own_cells.month,
        own_cells.sex_no,
        own_cells.band_no,
        own_cells.keeps_band,
        {{ columns_of('own_cells', figure_columns()) }}
    from own_cells
    inner join joint_places on own_cells.place_no = joint_places.place_no
    inner join catalogue on own_cells.indicator_no = catalogue.indicator_no and catalogue.is_joint
    where own_cells.is_shared
),

-- All bands together are added up, but of those who change theirs: they have been told of there already.
steady_bands as (
    select
        indicator_no,
        place_no,
        month,
        sex_no,
        band_no,
        {{ figures }}
    from steady_cells
    union all
    select
        indicator_no,
        place_no,
        month,
        sex_no,
        cast(0 as tinyint) as band_no,
        {{ figures_together() }}
    from steady_cells
    where keeps_band
    group by indicator_no, place_no, month, sex_no
),

steady_places as (
    select
        indicator_no,
        place_no,
        month,
        sex_no,
        band_no,
        {{ figures }}
    from steady_bands
    union all
    select
        indicator_no,
        place_no,
        month,
        cast(0 as tinyint) as sex_no,
        band_no,
        {{ figures_together() }}
    from steady_bands
    group by indicator_no, place_no, month, band_no
),

steady_towns as (
    select
        steady_places.indicator_no,
        places.town_no,
        steady_places.month,
        steady_places.sex_no,
        steady_places.band_no,
        {{ figures_together() }}
    from steady_places
    inner join places on steady_places.place_no = places.place_no
    group by
        steady_places.indicator_no, places.town_no, steady_places.month, steady_places.sex_no, steady_places.band_no
)
{%- endmacro %}
