{# CTEs: the `places` that are counted, the `areas` they lie in, and the rows of the measures by their numbers (`told`). #}
{% macro place_contributions(measures, has_classes) -%}
measured as (
    {% for measure in measures -%}
    select
        {{ loop.index }} as measure_no,
        indicator_id,
        {{ 'class_code' if has_classes else "'' as class_code" }},
        scheme_code,
        insurer_number,
        municipality_code,
        district_code,
        month,
        fiscal_year,
        sex_code,
        age_band_code,
        person_id,
        numerator,
        denominator
    from {{ ref(measure) }}
    where {{ is_counted_year('fiscal_year') }}
    {{ 'union all' if not loop.last }}
    {% endfor -%}
),

people as (
    select
        person_id,
        cast(row_number() over (order by person_id) as integer) as person_no
    from {{ ref('person') }}
),

offered as (
    select
        catalogue.indicator_no,
        catalogue.indicator_id,
        catalogue.class_code,
        catalogue.valid_from,
        catalogue.valid_to,
        catalogue.is_of_years,
        catalogue.is_joint,
        schemes.scheme_code
    from catalogue
    inner join schemes on instr(catalogue.scheme_codes, concat(' ', schemes.scheme_code, ' ')) > 0
),

places_asked as (
    select listed.*
    from {{ ref('int_place__list') }} as listed
    inner join years_asked
        on listed.scheme_code = years_asked.scheme_code and listed.fiscal_year = years_asked.fiscal_year
),

-- Places: where a row counts, down to the district, within one scheme and fiscal year. 国保＋後期 is a value of its own;
-- insurers are not a level of it, for no insurer has both.
places as (
    select
        cast(row_number() over (
            order by
                scheme_code, fiscal_year, prefecture_code, insurer_number, municipality_code, district_code
        ) as integer) as place_no,
        cast(dense_rank() over (
            order by scheme_code, fiscal_year, prefecture_code, insurer_number, municipality_code
        ) as integer) as town_no,
        cast(dense_rank() over (order by scheme_code, fiscal_year) as integer) as year_no,
        all_places.*
    from (
        select
            scheme_code,
            fiscal_year,
            prefecture_code,
            insurer_number,
            municipality_code,
            district_code
        from places_asked
        union distinct
        select
            'kokuho_koki' as scheme_code,
            fiscal_year,
            prefecture_code,
            '' as insurer_number,
            municipality_code,
            district_code
        from places_asked
        where scheme_code in ('kokuho', 'koki')
    ) as all_places
),

joint_places as (
    select
        own.place_no,
        joint.place_no as joint_place_no,
        joint.year_no as joint_year_no
    from places as own
    inner join places as joint
        on
            own.fiscal_year = joint.fiscal_year
            and own.prefecture_code = joint.prefecture_code
            and own.municipality_code = joint.municipality_code
            and own.district_code = joint.district_code
    where own.scheme_code in ('kokuho', 'koki') and joint.scheme_code = 'kokuho_koki'
),

towns as (
    select distinct
        town_no,
        year_no,
        scheme_code,
        fiscal_year,
        prefecture_code,
        insurer_number,
        municipality_code
    from places
),

-- Which areas a place lies in. 国保組合 has a prefecture and no town; medical areas are no level of care.
town_areas as (
    select
        town_no,
        year_no,
        'nation' as area_level,
        'JP' as area_id
    from towns
    union all
    select
        town_no,
        year_no,
        'prefecture' as area_level,
        prefecture_code as area_id
    from towns
    union all
    select
        town_no,
        year_no,
        'insurer' as area_level,
        insurer_number as area_id
    from towns
    where scheme_code <> 'kokuho_koki'
    union all
    select
        towns.town_no,
        towns.year_no,
        assigned.area_level,
        assigned.area_id
    from towns
    inner join {{ ref('int_municipality__assign_areas') }} as assigned
        on towns.municipality_code = assigned.municipality_code and towns.fiscal_year = assigned.fiscal_year
    where towns.scheme_code <> 'kumiai' and not (towns.scheme_code = 'care' and assigned.area_level = 'medical_area')
),

place_areas as (
    select
        places.place_no,
        town_areas.year_no,
        town_areas.area_level,
        town_areas.area_id
    from places
    inner join town_areas on places.town_no = town_areas.town_no
    union all
    select
        place_no,
        year_no,
        'district' as area_level,
        concat(municipality_code, '-', district_code) as area_id
    from places
    where district_code <> '' and municipality_code <> '' and scheme_code <> 'kumiai'
    union all
    -- 地区割: several places make one district of a named set, and a place lies in one district of each set.
    select
        places.place_no,
        places.year_no,
        'district' as area_level,
        assigned.area_id
    from places
    inner join {{ ref('int_district__assign_sets') }} as assigned
        on places.municipality_code = assigned.municipality_code and places.district_code = assigned.district_code
    where places.scheme_code <> 'kumiai'
),

areas as (
    select
        cast(row_number() over (order by met.year_no, met.area_level, met.area_id) as integer) as area_no,
        years.scheme_code,
        years.fiscal_year,
        met.*
    from (
        select distinct
            year_no,
            area_level,
            area_id
        from place_areas
    ) as met
    inner join (
        select distinct
            year_no,
            scheme_code,
            fiscal_year
        from places
    ) as years on met.year_no = years.year_no
    inner join years_reached
        on years.scheme_code = years_reached.scheme_code and years.fiscal_year = years_reached.fiscal_year
),

town_ladder as (
    select
        town_areas.town_no,
        areas.area_no
    from town_areas
    inner join areas
        on
            town_areas.year_no = areas.year_no
            and town_areas.area_level = areas.area_level
            and town_areas.area_id = areas.area_id
),

place_ladder as (
    select
        place_areas.place_no,
        areas.area_no,
        areas.area_level
    from place_areas
    inner join areas
        on
            place_areas.year_no = areas.year_no
            and place_areas.area_level = areas.area_level
            and place_areas.area_id = areas.area_id
),

sexes as (
    {% for sex in ['all', '1', '2', 'U'] -%}
    select
        cast({{ loop.index0 }} as tinyint) as sex_no,
        '{{ sex }}' as sex_code
    {{ 'union all' if not loop.last }}
    {% endfor -%}
),

bands as (
    select
        cast(sort_order as tinyint) as band_no,
        age_band_code
    from {{ ref('age_bands') }}
    union all
    select
        cast(0 as tinyint) as band_no,
        'all' as age_band_code
    union all
    select
        cast(99 as tinyint) as band_no,
        'unknown' as age_band_code
),

-- The rows of the measures by their numbers. One that stood nowhere would be lost from the sums: the build stops.
told as (
    select
        measured.measure_no,
        offered.indicator_no,
        offered.is_of_years,
        offered.is_joint,
        coalesce(places.place_no, {{ stop('a measure has a place that int_place__list does not know') }}) as place_no,
        places.year_no,
        -- Counts that come without persons stay in their month: the largest of these is taken below.
        case
            when offered.is_of_years and people.person_no is not null
                then {{ fiscal_year_start('measured.fiscal_year') }}
            else measured.month
        end as month,
        coalesce(sexes.sex_no, {{ stop('a measure has an unknown sex') }}) as sex_no,
        coalesce(bands.band_no, {{ stop('a measure has an unknown age band') }}) as band_no,
        people.person_no,
        measured.numerator,
        measured.denominator
    from measured
    inner join offered
        on
            measured.indicator_id = offered.indicator_id
            and measured.class_code = offered.class_code
            and measured.scheme_code = offered.scheme_code
            and measured.month >= offered.valid_from
            and (offered.valid_to is null or measured.month < offered.valid_to)
    inner join years_asked
        on measured.scheme_code = years_asked.scheme_code and measured.fiscal_year = years_asked.fiscal_year
    left join places
        on
            measured.scheme_code = places.scheme_code
            and measured.fiscal_year = places.fiscal_year
            and measured.insurer_number = places.insurer_number
            and coalesce(measured.municipality_code, '') = places.municipality_code
            and coalesce(measured.district_code, '') = places.district_code
    left join sexes on measured.sex_code = sexes.sex_code
    left join bands on measured.age_band_code = bands.age_band_code
    left join people on measured.person_id = people.person_id
    where measured.numerator <> 0 or measured.denominator <> 0 or measured.person_id is null
)
{%- endmacro %}
