{#- What each month adds to every figure: sums, and how many persons appear for the first time in the fiscal year.
    A sum adds up over places. Persons do not: who is seen in two places of an area is one person of that area. So a
    person who keeps one place through the year is counted there and added up the ladder (single_*), and the few who
    change are counted anew in every area (several_*). -#}
{{ config(pre_hook="{{ delete_reached('scheme_fiscal_year', 'indicator_increment.month') }}") }}

{%- set measures = [
    'measure_members', 'measure_medical', 'measure_attendance', 'measure_checkup', 'measure_care'
] %}
{%- set figures = [
    'numerator', 'denominator', 'contributor_count', 'denominator_contributor_count', 'new_contributor_count',
    'new_denominator_contributor_count', 'anonymous_count'
] %}
{%- set largest = ['largest_contribution', 'largest_running'] %}

with catalogue as (
    select * from {{ ref('indicators') }}
),

measured as (
    {% for measure in measures -%}
    select * from {{ ref(measure) }}
    {{ 'union all' if not loop.last }}
    {% endfor -%}
),

prefectures as (
    select * from {{ ref('int_insurer__assign_prefecture') }}
),

placed as (
    select
        measured.indicator_id,
        catalogue.definition_version,
        catalogue.scheme_codes,
        measured.scheme_code,
        coalesce(prefectures.prefecture_code, '') as prefecture_code,
        measured.insurer_number,
        coalesce(measured.municipality_code, '') as municipality_code,
        coalesce(measured.district_code, '') as district_code,
        measured.month,
        measured.fiscal_year,
        measured.sex_code,
        measured.age_band_code,
        measured.person_id,
        measured.numerator,
        measured.denominator
    from measured
    inner join catalogue
        on
            measured.indicator_id = catalogue.indicator_id
            and measured.month >= catalogue.valid_from
            and (catalogue.valid_to is null or measured.month < catalogue.valid_to)
    left join prefectures on measured.insurer_number = prefectures.insurer_number
),

-- 国保＋後期 is a value of its own. Insurers are not a level of it: no insurer has both.
schemed as (
    select * from placed
    where concat(' ', scheme_codes, ' ') like concat('% ', scheme_code, ' %')
    union all
    select
        indicator_id,
        definition_version,
        scheme_codes,
        'kokuho_koki' as scheme_code,
        prefecture_code,
        '' as insurer_number,
        municipality_code,
        district_code,
        month,
        fiscal_year,
        sex_code,
        age_band_code,
        person_id,
        numerator,
        denominator
    from placed
    where scheme_code in ('kokuho', 'koki') and concat(' ', scheme_codes, ' ') like '% kokuho_koki %'
),

contributions as (
    select * from schemed
    where {{ only_reached('schemed', 'scheme_fiscal_year', 'schemed.month') }}
),

of_persons as (
    select * from contributions
    where person_id is not null
),

person_years as (
    select
        indicator_id,
        scheme_code,
        fiscal_year,
        person_id,
        min(prefecture_code) = max(prefecture_code)
        and min(insurer_number) = max(insurer_number)
        and min(municipality_code) = max(municipality_code)
        and min(district_code) = max(district_code)
        and min(sex_code) = max(sex_code) as keeps_place
    from of_persons
    group by indicator_id, scheme_code, fiscal_year, person_id
),

single_persons as (
    select
        of_persons.*,
        sum(of_persons.numerator) over so_far as running_numerator,
        sum(of_persons.denominator) over so_far as running_denominator,
        sum(of_persons.numerator) over so_far_in_band as band_numerator,
        sum(of_persons.denominator) over so_far_in_band as band_denominator
    from of_persons
    inner join person_years
        on
            of_persons.indicator_id = person_years.indicator_id
            and of_persons.scheme_code = person_years.scheme_code
            and of_persons.fiscal_year = person_years.fiscal_year
            and of_persons.person_id = person_years.person_id
            and person_years.keeps_place
    window
        so_far as (
            partition by
                of_persons.indicator_id, of_persons.scheme_code, of_persons.fiscal_year, of_persons.person_id
            order by of_persons.month
            rows between unbounded preceding and current row
        ),
        so_far_in_band as (
            partition by
                of_persons.indicator_id, of_persons.scheme_code, of_persons.fiscal_year, of_persons.person_id,
                of_persons.age_band_code
            order by of_persons.month
            rows between unbounded preceding and current row
        )
),

single_places as (
    {% for band, running in [('age_band_code', 'band'), ("'all'", 'running')] -%}
    select
        indicator_id,
        definition_version,
        scheme_code,
        fiscal_year,
        month,
        prefecture_code,
        insurer_number,
        municipality_code,
        district_code,
        sex_code,
        {{ band }} as age_band_code,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        sum(case when numerator <> 0 then 1 else 0 end) as contributor_count,
        sum(case when denominator <> 0 then 1 else 0 end) as denominator_contributor_count,
        sum(case when numerator <> 0 and {{ running }}_numerator = numerator then 1 else 0 end)
            as new_contributor_count,
        sum(case when denominator <> 0 and {{ running }}_denominator = denominator then 1 else 0 end)
            as new_denominator_contributor_count,
        0 as anonymous_count,
        max(numerator) as largest_contribution,
        max({{ running }}_numerator) as largest_running
    from single_persons
    group by
        indicator_id, definition_version, scheme_code, fiscal_year, month, prefecture_code, insurer_number,
        municipality_code, district_code, sex_code{{ ', age_band_code' if running == 'band' }}
    union all
    {% endfor -%}
    -- Counts that come without persons (the table of care insured).
    {% for band in ['age_band_code', "'all'"] -%}
    select
        indicator_id,
        definition_version,
        scheme_code,
        fiscal_year,
        month,
        prefecture_code,
        insurer_number,
        municipality_code,
        district_code,
        sex_code,
        {{ band }} as age_band_code,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        0 as contributor_count,
        0 as denominator_contributor_count,
        0 as new_contributor_count,
        0 as new_denominator_contributor_count,
        sum(denominator) as anonymous_count,
        0 as largest_contribution,
        0 as largest_running
    from contributions
    where person_id is null
    group by
        indicator_id, definition_version, scheme_code, fiscal_year, month, prefecture_code, insurer_number,
        municipality_code, district_code, sex_code{{ ', age_band_code' if band == 'age_band_code' }}
    {{ 'union all' if not loop.last }}
    {% endfor -%}
),

single_municipalities as (
    select
        indicator_id,
        definition_version,
        scheme_code,
        fiscal_year,
        month,
        prefecture_code,
        insurer_number,
        municipality_code,
        sex_code,
        age_band_code,
        {% for figure in figures %}sum({{ figure }}) as {{ figure }}, {% endfor %}
        {% for figure in largest %}max({{ figure }}) as {{ figure }}{{ ', ' if not loop.last }}{% endfor %}
    from single_places
    group by
        indicator_id, definition_version, scheme_code, fiscal_year, month, prefecture_code, insurer_number,
        municipality_code, sex_code, age_band_code
),

-- Which areas a place lies in. 国保組合 has a prefecture and no town; medical areas are no level of care.
places as (
    select distinct
        scheme_code,
        fiscal_year,
        prefecture_code,
        insurer_number,
        municipality_code
    from contributions
),

ladder as (
    select
        scheme_code,
        fiscal_year,
        prefecture_code,
        insurer_number,
        municipality_code,
        'nation' as area_level,
        'JP' as area_id
    from places
    union all
    select
        scheme_code,
        fiscal_year,
        prefecture_code,
        insurer_number,
        municipality_code,
        'prefecture' as area_level,
        prefecture_code as area_id
    from places
    union all
    select
        scheme_code,
        fiscal_year,
        prefecture_code,
        insurer_number,
        municipality_code,
        'insurer' as area_level,
        insurer_number as area_id
    from places
    where scheme_code <> 'kokuho_koki'
    union all
    select
        places.scheme_code,
        places.fiscal_year,
        places.prefecture_code,
        places.insurer_number,
        places.municipality_code,
        areas.area_level,
        areas.area_id
    from places
    inner join {{ ref('int_municipality__assign_areas') }} as areas
        on places.municipality_code = areas.municipality_code and places.fiscal_year = areas.fiscal_year
    where
        places.scheme_code <> 'kumiai'
        and not (places.scheme_code = 'care' and areas.area_level = 'medical_area')
),

single_areas as (
    select
        places.indicator_id,
        places.definition_version,
        places.scheme_code,
        places.fiscal_year,
        places.month,
        ladder.area_level,
        ladder.area_id,
        places.sex_code,
        places.age_band_code,
        {% for figure in figures + largest %}places.{{ figure }}{{ ', ' if not loop.last }}{% endfor %}
    from single_municipalities as places
    inner join ladder
        on
            places.scheme_code = ladder.scheme_code
            and places.fiscal_year = ladder.fiscal_year
            and places.prefecture_code = ladder.prefecture_code
            and places.insurer_number = ladder.insurer_number
            and places.municipality_code = ladder.municipality_code
    union all
    select
        indicator_id,
        definition_version,
        scheme_code,
        fiscal_year,
        month,
        'district' as area_level,
        concat(municipality_code, '-', district_code) as area_id,
        sex_code,
        age_band_code,
        {{ (figures + largest) | join(', ') }}
    from single_places
    where district_code <> '' and municipality_code <> '' and scheme_code <> 'kumiai'
),

several_places as (
    select of_persons.*
    from of_persons
    inner join person_years
        on
            of_persons.indicator_id = person_years.indicator_id
            and of_persons.scheme_code = person_years.scheme_code
            and of_persons.fiscal_year = person_years.fiscal_year
            and of_persons.person_id = person_years.person_id
            and not person_years.keeps_place
),

several_in_areas as (
    select
        places.*,
        ladder.area_level,
        ladder.area_id
    from several_places as places
    inner join ladder
        on
            places.scheme_code = ladder.scheme_code
            and places.fiscal_year = ladder.fiscal_year
            and places.prefecture_code = ladder.prefecture_code
            and places.insurer_number = ladder.insurer_number
            and places.municipality_code = ladder.municipality_code
    union all
    select
        several_places.*,
        'district' as area_level,
        concat(municipality_code, '-', district_code) as area_id
    from several_places
    where district_code <> '' and municipality_code <> '' and scheme_code <> 'kumiai'
),

several_in_cells as (
    {% for sex in ['sex_code', "'all'"] -%}
    {% for band in ['age_band_code', "'all'"] -%}
    select
        indicator_id,
        definition_version,
        scheme_code,
        fiscal_year,
        month,
        area_level,
        area_id,
        {{ sex }} as sex_code,
        {{ band }} as age_band_code,
        person_id,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from several_in_areas
    group by
        indicator_id, definition_version, scheme_code, fiscal_year, month, area_level, area_id, person_id
        {{- ', sex_code' if sex == 'sex_code' }}{{ ', age_band_code' if band == 'age_band_code' }}
    {{ 'union all' if not loop.last }}
    {% endfor -%}
    {{ 'union all' if not loop.last }}
    {% endfor -%}
),

several_running as (
    select
        several_in_cells.*,
        sum(numerator) over so_far as running_numerator,
        sum(denominator) over so_far as running_denominator
    from several_in_cells
    window so_far as (
        partition by
            indicator_id, scheme_code, fiscal_year, area_level, area_id, sex_code, age_band_code, person_id
        order by month
        rows between unbounded preceding and current row
    )
),

in_cells as (
    {% for sex in ['sex_code', "'all'"] -%}
    select
        indicator_id,
        definition_version,
        scheme_code,
        fiscal_year,
        month,
        area_level,
        area_id,
        {{ sex }} as sex_code,
        age_band_code,
        {{ (figures + largest) | join(', ') }}
    from single_areas
    union all
    {% endfor -%}
    select
        indicator_id,
        definition_version,
        scheme_code,
        fiscal_year,
        month,
        area_level,
        area_id,
        sex_code,
        age_band_code,
        numerator,
        denominator,
        case when numerator <> 0 then 1 else 0 end as contributor_count,
        case when denominator <> 0 then 1 else 0 end as denominator_contributor_count,
        case when numerator <> 0 and running_numerator = numerator then 1 else 0 end as new_contributor_count,
        case when denominator <> 0 and running_denominator = denominator then 1 else 0 end
            as new_denominator_contributor_count,
        0 as anonymous_count,
        numerator as largest_contribution,
        running_numerator as largest_running
    from several_running
),

final as (
    select
        indicator_id,
        definition_version,
        scheme_code,
        fiscal_year,
        month,
        area_level,
        area_id,
        sex_code,
        age_band_code,
        {% for figure in figures %}cast(sum({{ figure }}) as bigint) as {{ figure }}, {% endfor %}
        {% for figure in largest -%}
        cast(max({{ figure }}) as bigint) as {{ figure }}{{ ', ' if not loop.last }}
        {%- endfor %}
    from in_cells
    group by
        indicator_id, definition_version, scheme_code, fiscal_year, month, area_level, area_id, sex_code, age_band_code
)

select * from final
