{#- The one long table of figures.

    A sum adds up over places. Persons do not: who is seen in two places of an area is one person of that area. So a
    person who keeps one place and sex through the fiscal year is counted there and added up the ladder (steady_*), and
    the few who change are counted anew in every area (moving_*). In the same way all ages and both sexes together are
    added up of figures (adds_bands, adds_sexes), but for persons who change their band or sex within the year. And who
    is in one of 国保 and 後期 alone, and steady there, counts for 国保＋後期 as counted there (is_shared); the others are
    told of once more for it (joint_*). The year to date counts a person at the first month in which the person appears.
    Of a month, persons are counted above the line only where they are below it too (matched_count). What is shown by
    the year alone (is_of_years) is added up by person first, into its first month, and has no running sums.

    Millions of rows are grouped on the way, so figures, places, areas, sexes, bands and persons go by numbers of this
    run (*_no; 0 is all sexes, all bands); the names come back at the end. -#}
{{ config(pre_hook="{{ delete_reached('scheme_fiscal_year', 'indicator_fact.period') }}") }}

{%- set measures = [
    'measure_members', 'measure_medical', 'measure_classification', 'measure_attendance', 'measure_continuity',
    'measure_checkup', 'measure_metabolic', 'measure_questionnaire', 'measure_guidance', 'measure_care',
    'measure_crossing', 'measure_linkage', 'measure_prescription', 'measure_visit'
] %}
{%- set measures_of_classes = ['measure_disease', 'measure_certified'] %}
{%- set sums = ['numerator', 'denominator'] %}
{%- set counts = [
    'contributor_count', 'denominator_contributor_count', 'new_contributor_count', 'new_denominator_contributor_count',
    'anonymous_count', 'matched_count'
] %}
{%- set largest = ['largest_contribution', 'largest_running'] %}
{%- set figures = sums + counts + largest %}

{#- Figures of several cells together. #}
{%- set together -%}
{% for figure in figures -%}
cast({{ 'max' if figure in largest else 'sum' }}({{ figure }}) as bigint) as {{ figure }}{{ ', ' if not loop.last }}
{%- endfor %}
{%- endset %}

with figures_listed as (
    select
        indicator_id,
        definition_version,
        '' as class_code,
        cast(null as varchar) as base_indicator_id,
        indicator_id not in (select indicator_id from {{ ref('indicator_classes') }}) as is_shown
    from {{ ref('indicators') }}
    union all
    select
        indicators.indicator_id,
        indicators.definition_version,
        classes.class_code,
        of_classes.base_indicator_id,
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
        bases.indicator_no as base_no,
        indicators.indicator_id,
        indicators.definition_version,
        indicators.valid_from,
        indicators.valid_to,
        concat(' ', indicators.scheme_codes, ' ') as scheme_codes,
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
    left join figures_numbered as bases
        on figures.base_indicator_id = bases.indicator_id and bases.class_code = ''
),

months as (
    select * from {{ ref('int_calendar__list_months') }}
),

people as (
    select
        person_id,
        row_number() over (order by person_id) as person_no
    from {{ ref('person') }}
),

prefectures as (
    select * from {{ ref('int_insurer__assign_prefecture') }}
),

measured as (
    {% for measure in measures -%}
    select
        *,
        '' as class_code
    from {{ ref(measure) }}
    union all
    {% endfor -%}
    {% for measure in measures_of_classes -%}
    select * from {{ ref(measure) }}
    {{ 'union all' if not loop.last }}
    {% endfor -%}
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
    select
        schemes.scheme_code,
        months.fiscal_year,
        min(months.month) as month
    from schemes
    cross join months
    group by schemes.scheme_code, months.fiscal_year
),

-- What is counted anew, and what is asked for it: 国保＋後期 is made of both.
years_reached as (
    select
        scheme_code,
        fiscal_year
    from scheme_years
    where {{ only_reached('scheme_years', 'scheme_fiscal_year', 'scheme_years.month') }}
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
),

offered as (
    select
        catalogue.indicator_no,
        catalogue.indicator_id,
        catalogue.class_code,
        catalogue.valid_from,
        catalogue.valid_to,
        catalogue.is_of_years,
        schemes.scheme_no,
        schemes.scheme_code
    from catalogue
    inner join schemes on instr(catalogue.scheme_codes, concat(' ', schemes.scheme_code, ' ')) > 0
),

in_schemes as (
    select
        offered.indicator_no,
        offered.scheme_code,
        offered.scheme_no,
        measured.insurer_number,
        coalesce(prefectures.prefecture_code, '') as prefecture_code,
        coalesce(measured.municipality_code, '') as municipality_code,
        coalesce(measured.district_code, '') as district_code,
        -- Counts that come without persons stay in their month: the largest of these is taken below.
        offered.is_of_years and people.person_no is not null as is_of_years,
        case
            when offered.is_of_years and people.person_no is not null
                then {{ fiscal_year_start('measured.fiscal_year') }}
            else measured.month
        end as month,
        measured.fiscal_year,
        measured.sex_code,
        measured.age_band_code,
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
    left join prefectures on measured.insurer_number = prefectures.insurer_number
    left join people on measured.person_id = people.person_id
),

reached as (
    select in_schemes.*
    from in_schemes
    inner join years_asked
        on in_schemes.scheme_code = years_asked.scheme_code and in_schemes.fiscal_year = years_asked.fiscal_year
),

places_met as (
    select distinct
        scheme_code,
        fiscal_year,
        prefecture_code,
        insurer_number,
        municipality_code,
        district_code
    from reached
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
        select * from places_met
        union distinct
        select
            'kokuho_koki' as scheme_code,
            fiscal_year,
            prefecture_code,
            '' as insurer_number,
            municipality_code,
            district_code
        from places_met
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

sexes_and_bands as (
    select
        cast(dense_rank() over (order by sex_code) as integer) as sex_no,
        cast(dense_rank() over (order by age_band_code) as integer) as band_no,
        met.*
    from (
        select distinct
            sex_code,
            age_band_code
        from reached
    ) as met
),

in_places as (
    select
        reached.indicator_no,
        reached.is_of_years,
        reached.scheme_no,
        places.place_no,
        reached.month,
        sexes_and_bands.sex_no,
        sexes_and_bands.band_no,
        -- One number of figure, scheme with year and person; none where a count comes without persons.
        (cast(reached.indicator_no as bigint) * 1000 + places.year_no) * 10000000000 + reached.person_no
            as person_year_no,
        reached.numerator,
        reached.denominator
    from reached
    inner join places
        on
            reached.scheme_code = places.scheme_code
            and reached.fiscal_year = places.fiscal_year
            and reached.prefecture_code = places.prefecture_code
            and reached.insurer_number = places.insurer_number
            and reached.municipality_code = places.municipality_code
            and reached.district_code = places.district_code
    inner join sexes_and_bands
        on reached.sex_code = sexes_and_bands.sex_code and reached.age_band_code = sexes_and_bands.age_band_code
),

{% set keys = [
    'indicator_no', 'is_of_years', 'scheme_no', 'place_no', 'month', 'sex_no', 'band_no', 'person_year_no'
] | join(', ') -%}
{% for counted in ['own', 'joint'] -%}
{% if counted == 'joint' -%}
-- Persons of 国保 or 後期 by the number that they have in 国保＋後期.
in_joint as (
    select
        own_years.person_year_no,
        (cast(own_years.indicator_no as bigint) * 1000 + joint_places.joint_year_no) * 10000000000
        + own_years.person_year_no % 10000000000 as joint_person_year_no,
        own_years.keeps_place and own_years.keeps_sex as is_steady
    from own_years
    inner join joint_places on own_years.place_no = joint_places.place_no
    inner join catalogue on own_years.indicator_no = catalogue.indicator_no and catalogue.is_joint
),

joint_persons as (
    select
        joint_person_year_no,
        count(*) = 1 and min(case when is_steady then 1 else 0 end) = 1 as is_shared
    from in_joint
    group by joint_person_year_no
),

joint_in_places as (
    select
        own_contributions.indicator_no,
        own_contributions.is_of_years,
        own_contributions.scheme_no,
        joint_places.joint_place_no as place_no,
        own_contributions.month,
        own_contributions.sex_no,
        own_contributions.band_no,
        joint_persons.joint_person_year_no as person_year_no,
        own_contributions.numerator,
        own_contributions.denominator
    from own_contributions
    inner join joint_places on own_contributions.place_no = joint_places.place_no
    inner join joint_persons
        on
            (cast(own_contributions.indicator_no as bigint) * 1000 + joint_places.joint_year_no) * 10000000000
            + own_contributions.person_year_no % 10000000000 = joint_persons.joint_person_year_no
            and not joint_persons.is_shared
),

{% endif -%}
{{ counted }}_contributions as (
    select
        {{ keys }},
        numerator,
        denominator
    from {{ 'in_places' if counted == 'own' else 'joint_in_places' }}
    where not is_of_years
    union all
    select
        {{ keys }},
        cast(sum(numerator) as bigint) as numerator,
        cast(sum(denominator) as bigint) as denominator
    from {{ 'in_places' if counted == 'own' else 'joint_in_places' }}
    where is_of_years
    group by {{ keys }}
),

{{ counted }}_years as (
    select
        person_year_no,
        min(indicator_no) as indicator_no,
        min(place_no) as place_no,
        min(sex_no) as sex_no,
        min(band_no) as band_no,
        min(case when denominator <> 0 then month end) as first_denominator_month,
        min(place_no) = max(place_no) as keeps_place,
        min(sex_no) = max(sex_no) as keeps_sex,
        min(band_no) = max(band_no) as keeps_band,
        min(scheme_no) <> max(scheme_no) as has_two_schemes
    from {{ counted }}_contributions
    where person_year_no is not null
    group by person_year_no
),

{% endfor -%}
-- Late notice of leaving: a person with rows of both schemes in one month is still one person.
doubled as (
    select distinct doubled_months.person_year_no
    from (
        select joint_contributions.person_year_no
        from joint_contributions
        inner join joint_years
            on joint_contributions.person_year_no = joint_years.person_year_no and joint_years.has_two_schemes
        group by joint_contributions.person_year_no, joint_contributions.month
        having count(distinct joint_contributions.scheme_no) > 1
    ) as doubled_months
),

person_years as (
    select
        own_years.*,
        own_years.keeps_place and own_years.keeps_sex as is_steady,
        coalesce(joint_persons.is_shared, false) as is_shared
    from own_years
    left join in_joint on own_years.person_year_no = in_joint.person_year_no
    left join joint_persons on in_joint.joint_person_year_no = joint_persons.joint_person_year_no
    union all
    select
        joint_years.*,
        joint_years.keeps_place and joint_years.keeps_sex and doubled.person_year_no is null as is_steady,
        false as is_shared
    from joint_years
    left join doubled on joint_years.person_year_no = doubled.person_year_no
),

persons as (
    {% for counted in ['own', 'joint'] -%}
    select
        {{ counted }}_contributions.*,
        person_years.is_steady,
        person_years.is_shared,
        person_years.keeps_sex,
        person_years.keeps_band
    from {{ counted }}_contributions
    inner join person_years on {{ counted }}_contributions.person_year_no = person_years.person_year_no
    {{ 'union all' if not loop.last }}
    {% endfor -%}
),

-- Steady persons who change their band are told of twice, in each band and in all of them.
steady_in_bands as (
    {% set keys = [
        'indicator_no', 'is_of_years', 'is_shared', 'place_no', 'month', 'sex_no', 'person_year_no', 'numerator',
        'denominator'
    ] | join(', ') -%}
    select
        {{ keys }},
        band_no,
        keeps_band
    from persons
    where is_steady and (numerator <> 0 or denominator <> 0)
    union all
    select
        {{ keys }},
        0 as band_no,
        keeps_band
    from persons
    where is_steady and not keeps_band and (numerator <> 0 or denominator <> 0)
),

-- The running sum of a person's numerators in the year; where there is one row, it is its own.
steady_persons as (
    {% set keys = [
        'indicator_no', 'is_shared', 'place_no', 'month', 'sex_no', 'band_no', 'keeps_band', 'numerator', 'denominator'
    ] | join(', ') -%}
    select
        {{ keys }},
        sum(numerator) over (
            partition by person_year_no, band_no
            order by month
            rows between unbounded preceding and current row
        ) as running_numerator,
        0 as is_new
    from steady_in_bands
    where numerator <> 0 and not (is_of_years and keeps_band)
    union all
    select
        {{ keys }},
        numerator as running_numerator,
        0 as is_new
    from steady_in_bands
    where numerator = 0 or (is_of_years and keeps_band)
    union all
    -- Who is in the denominator for the first time in the year: of the one band or of all, and of each of several.
    select
        indicator_no,
        is_shared,
        place_no,
        first_denominator_month as month,
        sex_no,
        case when keeps_band then band_no else 0 end as band_no,
        keeps_band,
        0 as numerator,
        0 as denominator,
        0 as running_numerator,
        1 as is_new
    from person_years
    where is_steady and first_denominator_month is not null
    union all
    select
        indicator_no,
        is_shared,
        place_no,
        min(month) as month,
        sex_no,
        band_no,
        keeps_band,
        0 as numerator,
        0 as denominator,
        0 as running_numerator,
        1 as is_new
    from persons
    where is_steady and not keeps_band and denominator <> 0
    group by person_year_no, indicator_no, is_shared, place_no, sex_no, band_no, keeps_band
),

own_cells as (
    select
        indicator_no,
        is_shared,
        place_no,
        month,
        sex_no,
        band_no,
        keeps_band as adds_bands,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        count(case when numerator <> 0 then 1 end) as contributor_count,
        count(case when denominator <> 0 then 1 end) as denominator_contributor_count,
        count(case when numerator <> 0 and running_numerator = numerator then 1 end) as new_contributor_count,
        sum(is_new) as new_denominator_contributor_count,
        0 as anonymous_count,
        count(case when numerator <> 0 and denominator <> 0 then 1 end) as matched_count,
        max(numerator) as largest_contribution,
        max(running_numerator) as largest_running
    from steady_persons
    group by indicator_no, is_shared, place_no, month, sex_no, band_no, keeps_band
    union all
    -- Counts that come without persons (the table of care insured).
    select
        indicator_no,
        true as is_shared,
        place_no,
        month,
        sex_no,
        band_no,
        true as adds_bands,
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
    from own_contributions
    where person_year_no is null
    group by indicator_no, place_no, month, sex_no, band_no
),

steady_cells as (
    select
        indicator_no,
        place_no,
        month,
        sex_no,
        band_no,
        adds_bands,
        {{ figures | join(', ') }}
    from own_cells
    union all
    select
        own_cells.indicator_no,
        joint_places.joint_place_no as place_no,
        own_cells.month,
        own_cells.sex_no,
        own_cells.band_no,
        own_cells.adds_bands,
        {% for figure in figures %}own_cells.{{ figure }}{{ ', ' if not loop.last }}{% endfor %}
    from own_cells
    inner join joint_places on own_cells.place_no = joint_places.place_no
    inner join catalogue on own_cells.indicator_no = catalogue.indicator_no and catalogue.is_joint
    where own_cells.is_shared
),

steady_bands as (
    select
        indicator_no,
        place_no,
        month,
        sex_no,
        band_no,
        {{ figures | join(', ') }}
    from steady_cells
    union all
    select
        indicator_no,
        place_no,
        month,
        sex_no,
        0 as band_no,
        {{ together }}
    from steady_cells
    where adds_bands
    group by indicator_no, place_no, month, sex_no
),

steady_places as (
    select
        indicator_no,
        place_no,
        month,
        sex_no,
        band_no,
        {{ figures | join(', ') }}
    from steady_bands
    union all
    select
        indicator_no,
        place_no,
        month,
        0 as sex_no,
        band_no,
        {{ together }}
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
        {{ together }}
    from steady_places
    inner join places on steady_places.place_no = places.place_no
    group by
        steady_places.indicator_no, places.town_no, steady_places.month, steady_places.sex_no, steady_places.band_no
),

moving_in_areas as (
    select
        persons.indicator_no,
        place_ladder.area_no,
        persons.month,
        persons.sex_no,
        persons.band_no,
        persons.person_year_no,
        persons.is_of_years,
        persons.keeps_sex,
        persons.keeps_band,
        sum(persons.numerator) as numerator,
        sum(persons.denominator) as denominator
    from persons
    inner join place_ladder on persons.place_no = place_ladder.place_no
    where not persons.is_steady
    group by
        persons.indicator_no, place_ladder.area_no, persons.month, persons.sex_no, persons.band_no,
        persons.person_year_no, persons.is_of_years, persons.keeps_sex, persons.keeps_band
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
        month,
        {{ sex }} as sex_no,
        {{ band }} as band_no,
        person_year_no,
        {{ 'keeps_sex' if sex == 'sex_no' else 'false' }} as adds_sexes,
        {{ 'keeps_band' if band == 'band_no' else 'false' }} as adds_bands,
        cast(sum(numerator) as bigint) as numerator,
        cast(sum(denominator) as bigint) as denominator
    from moving_in_areas
    where {{ condition }}
    group by
        indicator_no, area_no, month, person_year_no, keeps_sex, keeps_band
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
        partition by person_year_no, area_no, sex_no, band_no
        order by month
        rows between unbounded preceding and current row
    )
),

moving_cells as (
    select
        indicator_no,
        area_no,
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
    group by indicator_no, area_no, month, sex_no, band_no, adds_sexes, adds_bands
),

in_cells as (
    {% for source, ladder, key, condition in [
        ('steady_towns', 'town_ladder', 'town_no', 'true'),
        ('steady_places', 'place_ladder', 'place_no', "place_ladder.area_level = 'district'"),
    ] -%}
    select
        {{ source }}.indicator_no,
        {{ ladder }}.area_no,
        {{ source }}.month,
        {{ source }}.sex_no,
        {{ source }}.band_no,
        {% for figure in figures -%}
        cast({{ source }}.{{ figure }} as bigint) as {{ figure }}{{ ', ' if not loop.last }}
        {%- endfor %}
    from {{ source }}
    inner join {{ ladder }} on {{ source }}.{{ key }} = {{ ladder }}.{{ key }}
    where {{ condition }}
    union all
    {% endfor -%}
    {% for sex, band, condition in [
        ('sex_no', 'band_no', 'true'),
        ('sex_no', '0', 'adds_bands'),
        ('0', 'band_no', 'adds_sexes'),
        ('0', '0', 'adds_sexes and adds_bands'),
    ] -%}
    select
        indicator_no,
        area_no,
        month,
        {{ sex }} as sex_no,
        {{ band }} as band_no,
        {% for figure in figures %}cast({{ figure }} as bigint) as {{ figure }}{{ ', ' if not loop.last }}{% endfor %}
    from moving_cells
    where {{ condition }}
    {{ 'union all' if not loop.last }}
    {% endfor -%}
),

of_months as (
    select
        indicator_no,
        area_no,
        month,
        sex_no,
        band_no,
        {{ together }}
    from in_cells
    group by indicator_no, area_no, month, sex_no, band_no
),

cells_of_months as (
    select
        of_months.*,
        -- One number of figure, area, sex and band.
        ((cast(of_months.indicator_no as bigint) * 100000000 + of_months.area_no) * 10 + of_months.sex_no) * 100
        + of_months.band_no as cell_no
    from of_months
    inner join catalogue on of_months.indicator_no = catalogue.indicator_no and catalogue.has_years_to_date
),

running as (
    select
        indicator_no,
        area_no,
        month,
        sex_no,
        band_no,
        cast(sum(numerator) over so_far as bigint) as numerator,
        cast(sum(denominator) over so_far as bigint) as denominator,
        cast(sum(new_contributor_count) over so_far as bigint) as contributor_count,
        -- Of counts without persons the largest month is a lower bound of how many they were.
        cast(sum(new_denominator_contributor_count) over so_far + max(anonymous_count) over so_far as bigint)
            as denominator_contributor_count,
        max(largest_running) over so_far as largest_contribution,
        lead(month) over by_month as next_month
    from cells_of_months
    window
        so_far as (
            partition by cell_no
            order by month
            rows between unbounded preceding and current row
        ),
        by_month as (
            partition by cell_no
            order by month
        )
),

area_months as (
    select
        areas.area_no,
        months.month
    from areas
    inner join months on areas.fiscal_year = months.fiscal_year
),

-- A month that adds nothing shows the year to date as it stood.
gaps as (
    select
        running.*,
        area_months.month as shown_month
    from running
    inner join area_months
        on
            running.area_no = area_months.area_no
            and running.month < area_months.month
            and area_months.month < coalesce(running.next_month, date '9999-12-31')
    where running.next_month is null or running.next_month > {{ add_months('running.month', 1) }}
),

-- Without the year to date, the months of a year are put together.
of_years as (
    select
        of_months.indicator_no,
        of_months.area_no,
        of_months.sex_no,
        of_months.band_no,
        cast(sum(of_months.numerator) as bigint) as numerator,
        cast(sum(of_months.denominator) as bigint) as denominator,
        cast(sum(of_months.new_contributor_count) as bigint) as contributor_count,
        cast(sum(of_months.new_denominator_contributor_count) + max(of_months.anonymous_count) as bigint)
            as denominator_contributor_count,
        max(of_months.largest_running) as largest_contribution
    from of_months
    inner join catalogue
        on
            of_months.indicator_no = catalogue.indicator_no
            and catalogue.has_fiscal_years
            and not catalogue.has_years_to_date
    group by of_months.indicator_no, of_months.area_no, of_months.sex_no, of_months.band_no
),

periods as (
    select
        of_months.indicator_no,
        of_months.area_no,
        'month' as period_kind,
        of_months.month as period,
        of_months.sex_no,
        of_months.band_no,
        of_months.numerator,
        of_months.denominator,
        of_months.contributor_count,
        of_months.matched_count as person_count,
        of_months.denominator_contributor_count + of_months.anonymous_count as denominator_contributor_count,
        of_months.largest_contribution
    from of_months
    inner join catalogue on of_months.indicator_no = catalogue.indicator_no and catalogue.has_months
    union all
    {% for kind, source, period, condition in [
        ('year_to_date', 'running', 'facts.month', 'true'),
        ('year_to_date', 'gaps', 'facts.shown_month', 'true'),
        ('fiscal_year', 'running', fiscal_year_start('areas.fiscal_year'),
         'facts.next_month is null and catalogue.has_fiscal_years'),
        ('fiscal_year', 'of_years', fiscal_year_start('areas.fiscal_year'), 'true'),
    ] -%}
    select
        facts.indicator_no,
        facts.area_no,
        '{{ kind }}' as period_kind,
        {{ period }} as period,
        facts.sex_no,
        facts.band_no,
        facts.numerator,
        facts.denominator,
        facts.contributor_count,
        facts.contributor_count as person_count,
        facts.denominator_contributor_count,
        facts.largest_contribution
    from {{ source }} as facts
    {% if kind == 'fiscal_year' -%}
    inner join areas on facts.area_no = areas.area_no
    inner join catalogue on facts.indicator_no = catalogue.indicator_no
    where {{ condition }}
    {% endif -%}
    {{ 'union all' if not loop.last }}
    {% endfor -%}
),

bases as (
    select * from periods
    where indicator_no in (select base_no from catalogue)
),

-- A figure of a class may have the denominator of the figure that it is a share of, in the same cell; that figure is
-- told of every kind of period that the class is.
over_bases as (
    select
        periods.indicator_no,
        periods.area_no,
        periods.period_kind,
        periods.period,
        periods.sex_no,
        periods.band_no,
        periods.numerator,
        coalesce(bases.denominator, 0) as denominator,
        periods.contributor_count,
        periods.person_count,
        coalesce(bases.denominator_contributor_count, 0) as denominator_contributor_count,
        periods.largest_contribution
    from periods
    inner join catalogue on periods.indicator_no = catalogue.indicator_no and catalogue.base_no is not null
    left join bases
        on
            catalogue.base_no = bases.indicator_no
            and periods.area_no = bases.area_no
            and periods.period_kind = bases.period_kind
            and periods.period = bases.period
            and periods.sex_no = bases.sex_no
            and periods.band_no = bases.band_no
    union all
    select periods.*
    from periods
    inner join catalogue
        on periods.indicator_no = catalogue.indicator_no and catalogue.base_no is null and catalogue.is_shown
),

sexes as (
    select
        0 as sex_no,
        'all' as sex_code
    union all
    select distinct
        sex_no,
        sex_code
    from sexes_and_bands
),

bands as (
    select
        0 as band_no,
        'all' as age_band_code
    union all
    select distinct
        band_no,
        age_band_code
    from sexes_and_bands
),

final as (
    select
        catalogue.indicator_id,
        catalogue.definition_version,
        shown.period_kind,
        shown.period,
        areas.scheme_code,
        catalogue.class_code,
        areas.area_level,
        areas.area_id,
        sexes.sex_code,
        bands.age_band_code,
        cast(case when catalogue.is_sum then shown.numerator else shown.person_count end as bigint) as numerator,
        cast(case when catalogue.is_sum then shown.denominator else shown.denominator_contributor_count end as bigint)
            as denominator,
        cast(case when catalogue.is_sum then shown.contributor_count else shown.person_count end as bigint)
            as contributor_count,
        cast(shown.denominator_contributor_count as bigint) as denominator_contributor_count,
        cast(
            case
                when catalogue.is_sum then shown.largest_contribution
                when shown.person_count = 0 then 0
                else 1
            end as bigint
        ) as largest_contribution
    from over_bases as shown
    inner join catalogue on shown.indicator_no = catalogue.indicator_no
    inner join areas on shown.area_no = areas.area_no
    inner join sexes on shown.sex_no = sexes.sex_no
    inner join bands on shown.band_no = bands.band_no
    -- A share of nobody is not there.
    where catalogue.is_sum or shown.denominator_contributor_count > 0
)

select * from final
