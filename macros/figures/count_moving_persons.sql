{# CTEs: the cells of persons who do not keep place or sex, counted anew in every area (`moving_cells`). #}
{% macro count_moving_persons() -%}
moving as (
    {% set row = ['indicator_no', 'is_of_years', 'month', 'sex_no', 'band_no', 'person_no', 'numerator', 'denominator'] -%}
    select
        {{ columns_of('told', row) }},
        told.place_no,
        persons.keeps_sex,
        persons.keeps_band
    from told
    inner join persons
        on
            told.measure_no = persons.measure_no
            and told.year_no = persons.year_no
            and told.person_no = persons.person_no
    where not persons.is_steady
    union all
    -- For 国保＋後期: who was in both, or is not steady in one.
    select
        {{ columns_of('told', row) }},
        joint_places.joint_place_no as place_no,
        joint_persons.keeps_sex,
        joint_persons.keeps_band
    from told
    inner join joint_places on told.place_no = joint_places.place_no
    inner join joint_persons
        on
            told.measure_no = joint_persons.measure_no
            and joint_places.joint_year_no = joint_persons.joint_year_no
            and told.person_no = joint_persons.person_no
    where told.is_joint and not joint_persons.is_shared
),

moving_in_areas as (
    select
        moving.indicator_no,
        place_ladder.area_no,
        place_ladder.area_level = 'district' as is_district,
        moving.month,
        moving.sex_no,
        moving.band_no,
        moving.person_no,
        moving.keeps_sex,
        moving.keeps_band,
        sum(moving.numerator) as numerator,
        sum(moving.denominator) as denominator
    from moving
    inner join place_ladder on moving.place_no = place_ladder.place_no
    group by
        moving.indicator_no, place_ladder.area_no, place_ladder.area_level, moving.month, moving.sex_no, moving.band_no,
        moving.person_no, moving.keeps_sex, moving.keeps_band
),

-- All sexes and all bands of a person are told apart only where the person has several.
moving_in_cells as (
    {% for sex, band, condition in [
        ('sex_no', 'band_no', 'true'),
        ('sex_no', '0', 'not keeps_band'),
        ('0', 'band_no', 'not keeps_sex'),
        ('0', '0', 'not keeps_sex and not keeps_band'),
    ] -%}
    select
        indicator_no,
        area_no,
        is_district,
        month,
        {{ sex }} as sex_no,
        {{ band }} as band_no,
        person_no,
        {{ 'keeps_sex' if sex == 'sex_no' else 'false' }} as adds_sexes,
        {{ 'keeps_band' if band == 'band_no' else 'false' }} as adds_bands,
        cast(sum(numerator) as bigint) as numerator,
        cast(sum(denominator) as bigint) as denominator
    from moving_in_areas
    where {{ condition }}
    group by
        indicator_no, area_no, is_district, month, person_no, keeps_sex, keeps_band
        {{- ', sex_no' if sex == 'sex_no' }}{{ ', band_no' if band == 'band_no' }}
    {{ 'union all' if not loop.last }}
    {% endfor -%}
),

moving_running as (
    select
        moving_in_cells.*,
        sum(numerator) over so_far as running_numerator,
        sum(denominator) over so_far as running_denominator
    from moving_in_cells
    window so_far as (
        partition by indicator_no, area_no, sex_no, band_no, person_no
        order by month
        rows between unbounded preceding and current row
    )
),

moving_cells as (
    select
        indicator_no,
        area_no,
        is_district,
        month,
        sex_no,
        band_no,
        adds_sexes,
        adds_bands,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        count(case when numerator <> 0 then 1 end) as contributor_count,
        count(case when denominator <> 0 then 1 end) as denominator_contributor_count,
        count(case when numerator <> 0 and running_numerator = numerator then 1 end) as new_contributor_count,
        count(case when denominator <> 0 and running_denominator = denominator then 1 end)
            as new_denominator_contributor_count,
        0 as anonymous_count,
        count(case when numerator <> 0 and denominator <> 0 then 1 end) as matched_count,
        max(numerator) as largest_contribution,
        max(running_numerator) as largest_running
    from moving_running
    group by indicator_no, area_no, is_district, month, sex_no, band_no, adds_sexes, adds_bands
)
{%- endmacro %}
