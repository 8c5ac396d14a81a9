{#- The one long table of figures.

    A sum adds up over places. Persons do not: who is seen in two places of an area is one person of that area. So a
    person who keeps one place and sex through the fiscal year is counted there and added up the ladder (steady_*), and
    the few who change are counted anew in every area (moving_*). The year to date counts a person at the first month
    in which the person appears. Of a month, persons are counted above the line only where they are below it too
    (matched_count). What is shown by the year alone (is_of_years) is added up by person first, into its first month.

    Millions of rows are grouped on the way, so figures, places, areas and persons go by numbers of this run (*_no);
    the names come back at the end. -#}
{{ config(pre_hook="{{ delete_reached('scheme_fiscal_year', 'indicator_fact.period') }}") }}

{%- set measures = [
    'measure_members', 'measure_medical', 'measure_classification', 'measure_attendance', 'measure_checkup',
    'measure_metabolic', 'measure_questionnaire', 'measure_guidance', 'measure_care', 'measure_crossing',
    'measure_linkage'
] %}
{%- set measures_of_classes = ['measure_disease', 'measure_certified'] %}
{%- set sums = ['numerator', 'denominator'] %}
{%- set counts = [
    'contributor_count', 'denominator_contributor_count', 'new_contributor_count', 'new_denominator_contributor_count',
    'anonymous_count', 'matched_count'
] %}
{%- set largest = ['largest_contribution', 'largest_running'] %}
{%- set figures = sums + counts + largest %}

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
        row_number() over (order by indicator_id, definition_version, class_code) as indicator_no
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
        concat(' ', indicators.period_kinds, ' ') as period_kinds,
        indicators.period_kinds = 'fiscal_year' as is_of_years,
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

-- 国保＋後期 is a value of its own. Insurers are not a level of it: no insurer has both.
schemes as (
    select
        'kokuho' as scheme_code,
        'kokuho' as counted_scheme_code
    {% for scheme, counted in [
        ('kumiai', 'kumiai'), ('koki', 'koki'), ('care', 'care'), ('kokuho', 'kokuho_koki'), ('koki', 'kokuho_koki')
    ] -%}
    union all
    select
        '{{ scheme }}' as scheme_code,
        '{{ counted }}' as counted_scheme_code
    {% endfor -%}
),

in_schemes as (
    select
        catalogue.indicator_no,
        schemes.counted_scheme_code as scheme_code,
        schemes.scheme_code as liable_scheme_code,
        case when schemes.counted_scheme_code = 'kokuho_koki' then '' else measured.insurer_number end
            as insurer_number,
        coalesce(prefectures.prefecture_code, '') as prefecture_code,
        coalesce(measured.municipality_code, '') as municipality_code,
        coalesce(measured.district_code, '') as district_code,
        -- Counts that come without persons stay in their month: the largest of these is taken below.
        catalogue.is_of_years and people.person_no is not null as is_of_years,
        case
            when catalogue.is_of_years and people.person_no is not null
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
    inner join catalogue
        on
            measured.indicator_id = catalogue.indicator_id
            and measured.class_code = catalogue.class_code
            and measured.month >= catalogue.valid_from
            and (catalogue.valid_to is null or measured.month < catalogue.valid_to)
    inner join schemes
        on
            measured.scheme_code = schemes.scheme_code
            and instr(catalogue.scheme_codes, concat(' ', schemes.counted_scheme_code, ' ')) > 0
    left join prefectures on measured.insurer_number = prefectures.insurer_number
    left join people on measured.person_id = people.person_id
),

reached as (
    select * from in_schemes
    where {{ only_reached('in_schemes', 'scheme_fiscal_year', 'in_schemes.month') }}
),

-- Places: where a row counts, down to the district, within one scheme and fiscal year.
places as (
    select
        row_number() over (
            order by
                scheme_code, fiscal_year, prefecture_code, insurer_number, municipality_code, district_code
        ) as place_no,
        dense_rank() over (
            order by scheme_code, fiscal_year, prefecture_code, insurer_number, municipality_code
        ) as town_no,
        dense_rank() over (order by scheme_code, fiscal_year) as year_no,
        places_met.*
    from (
        select distinct
            scheme_code,
            fiscal_year,
            prefecture_code,
            insurer_number,
            municipality_code,
            district_code
        from reached
    ) as places_met
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
        row_number() over (order by met.year_no, met.area_level, met.area_id) as area_no,
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

in_places as (
    select
        reached.indicator_no,
        reached.is_of_years,
        places.year_no,
        places.town_no,
        places.place_no,
        reached.month,
        reached.liable_scheme_code,
        reached.sex_code,
        reached.age_band_code,
        reached.person_no,
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
),

contributions as (
    {% set keys = [
        'indicator_no', 'year_no', 'town_no', 'place_no', 'month', 'liable_scheme_code', 'sex_code', 'age_band_code',
        'person_no'
    ] | join(', ') -%}
    select
        {{ keys }},
        numerator,
        denominator
    from in_places
    where not is_of_years
    union all
    select
        {{ keys }},
        cast(sum(numerator) as bigint) as numerator,
        cast(sum(denominator) as bigint) as denominator
    from in_places
    where is_of_years
    group by {{ keys }}
),

in_years as (
    select
        indicator_no,
        year_no,
        person_no,
        min(place_no) = max(place_no) and min(sex_code) = max(sex_code) as keeps_place,
        min(age_band_code) = max(age_band_code) as keeps_band,
        min(liable_scheme_code) <> max(liable_scheme_code) as has_two_schemes
    from contributions
    where person_no is not null
    group by indicator_no, year_no, person_no
),

-- Late notice of leaving: a person with rows of both schemes in one month is still one person.
doubled as (
    select distinct
        doubled_months.indicator_no,
        doubled_months.year_no,
        doubled_months.person_no
    from (
        select
            contributions.indicator_no,
            contributions.year_no,
            contributions.person_no
        from contributions
        inner join in_years
            on
                contributions.indicator_no = in_years.indicator_no
                and contributions.year_no = in_years.year_no
                and contributions.person_no = in_years.person_no
                and in_years.has_two_schemes
        group by
            contributions.indicator_no, contributions.year_no, contributions.person_no, contributions.month
        having count(distinct contributions.liable_scheme_code) > 1
    ) as doubled_months
),

person_years as (
    select
        in_years.indicator_no,
        in_years.year_no,
        in_years.person_no,
        in_years.keeps_place and doubled.person_no is null as keeps_place,
        in_years.keeps_band
    from in_years
    left join doubled
        on
            in_years.indicator_no = doubled.indicator_no
            and in_years.year_no = doubled.year_no
            and in_years.person_no = doubled.person_no
),

steady_persons as (
    select
        contributions.*,
        person_years.keeps_band
    from contributions
    inner join person_years
        on
            contributions.indicator_no = person_years.indicator_no
            and contributions.year_no = person_years.year_no
            and contributions.person_no = person_years.person_no
            and person_years.keeps_place
),

-- The running sum of a person's numerators, in the year and in the age band; both are one where the band is kept.
one_band_numerators as (
    select
        steady_persons.*,
        sum(numerator) over so_far as running_all,
        sum(numerator) over so_far as running_band
    from steady_persons
    where numerator <> 0 and keeps_band
    window so_far as (
        partition by indicator_no, year_no, person_no
        order by month
        rows between unbounded preceding and current row
    )
),

two_band_numerators as (
    select
        steady_persons.*,
        sum(numerator) over so_far as running_all,
        sum(numerator) over so_far_in_band as running_band
    from steady_persons
    where numerator <> 0 and not keeps_band
    window
        so_far as (
            partition by indicator_no, year_no, person_no
            order by month
            rows between unbounded preceding and current row
        ),
        so_far_in_band as (
            partition by indicator_no, year_no, person_no, age_band_code
            order by month
            rows between unbounded preceding and current row
        )
),

steady_numerators as (
    select * from one_band_numerators
    union all
    select * from two_band_numerators
),

steady_places as (
    {% for suffix, band in [('band', 'age_band_code'), ('all', "'all'")] -%}
    {% set by_band = ', age_band_code' if suffix == 'band' else '' -%}
    select
        indicator_no,
        town_no,
        place_no,
        month,
        sex_code,
        {{ band }} as age_band_code,
        sum(numerator) as numerator,
        cast(0 as bigint) as denominator,
        count(*) as contributor_count,
        cast(0 as bigint) as denominator_contributor_count,
        count(case when running_{{ suffix }} = numerator then 1 end) as new_contributor_count,
        cast(0 as bigint) as new_denominator_contributor_count,
        cast(0 as bigint) as anonymous_count,
        count(case when denominator <> 0 then 1 end) as matched_count,
        max(numerator) as largest_contribution,
        max(running_{{ suffix }}) as largest_running
    from steady_numerators
    group by indicator_no, town_no, place_no, month, sex_code{{ by_band }}
    union all
    select
        indicator_no,
        town_no,
        place_no,
        month,
        sex_code,
        {{ band }} as age_band_code,
        cast(0 as bigint) as numerator,
        sum(denominator) as denominator,
        cast(0 as bigint) as contributor_count,
        count(*) as denominator_contributor_count,
        cast(0 as bigint) as new_contributor_count,
        cast(0 as bigint) as new_denominator_contributor_count,
        cast(0 as bigint) as anonymous_count,
        cast(0 as bigint) as matched_count,
        cast(0 as bigint) as largest_contribution,
        cast(0 as bigint) as largest_running
    from steady_persons
    where denominator <> 0
    group by indicator_no, town_no, place_no, month, sex_code{{ by_band }}
    union all
    -- Who is in the denominator for the first time in the year.
    select
        indicator_no,
        town_no,
        place_no,
        month,
        sex_code,
        {{ band }} as age_band_code,
        cast(0 as bigint) as numerator,
        cast(0 as bigint) as denominator,
        cast(0 as bigint) as contributor_count,
        cast(0 as bigint) as denominator_contributor_count,
        cast(0 as bigint) as new_contributor_count,
        count(*) as new_denominator_contributor_count,
        cast(0 as bigint) as anonymous_count,
        cast(0 as bigint) as matched_count,
        cast(0 as bigint) as largest_contribution,
        cast(0 as bigint) as largest_running
    from (
        select
            indicator_no,
            person_no,
            town_no,
            place_no,
            sex_code{{ by_band }},
            min(month) as month
        from steady_persons
        where denominator <> 0
        group by indicator_no, person_no, town_no, place_no, sex_code{{ by_band }}
    ) as first_seen
    group by indicator_no, town_no, place_no, month, sex_code{{ by_band }}
    union all
    {% endfor -%}
    -- Counts that come without persons (the table of care insured).
    {% for band in ['age_band_code', "'all'"] -%}
    select
        indicator_no,
        town_no,
        place_no,
        month,
        sex_code,
        {{ band }} as age_band_code,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        cast(0 as bigint) as contributor_count,
        cast(0 as bigint) as denominator_contributor_count,
        cast(0 as bigint) as new_contributor_count,
        cast(0 as bigint) as new_denominator_contributor_count,
        sum(denominator) as anonymous_count,
        cast(0 as bigint) as matched_count,
        cast(0 as bigint) as largest_contribution,
        cast(0 as bigint) as largest_running
    from contributions
    where person_no is null
    group by indicator_no, town_no, place_no, month, sex_code{{ ', age_band_code' if band == 'age_band_code' }}
    {{ 'union all' if not loop.last }}
    {% endfor -%}
),

steady_towns as (
    select
        indicator_no,
        town_no,
        month,
        sex_code,
        age_band_code,
        {% for figure in sums + counts %}cast(sum({{ figure }}) as bigint) as {{ figure }}, {% endfor %}
        {% for figure in largest %}max({{ figure }}) as {{ figure }}{{ ', ' if not loop.last }}{% endfor %}
    from steady_places
    group by indicator_no, town_no, month, sex_code, age_band_code
),

steady_areas as (
    select
        steady_towns.indicator_no,
        town_ladder.area_no,
        steady_towns.month,
        steady_towns.sex_code,
        steady_towns.age_band_code,
        {% for figure in figures %}steady_towns.{{ figure }}{{ ', ' if not loop.last }}{% endfor %}
    from steady_towns
    inner join town_ladder on steady_towns.town_no = town_ladder.town_no
    union all
    select
        steady_places.indicator_no,
        place_ladder.area_no,
        steady_places.month,
        steady_places.sex_code,
        steady_places.age_band_code,
        {% for figure in figures -%}
        {{ 'cast(steady_places.' ~ figure ~ ' as bigint) as ' ~ figure }}{{ ', ' if not loop.last }}
        {%- endfor %}
    from steady_places
    inner join place_ladder
        on steady_places.place_no = place_ladder.place_no and place_ladder.area_level = 'district'
),

moving_in_areas as (
    select
        contributions.indicator_no,
        place_ladder.area_no,
        contributions.month,
        contributions.sex_code,
        contributions.age_band_code,
        contributions.person_no,
        sum(contributions.numerator) as numerator,
        sum(contributions.denominator) as denominator
    from contributions
    inner join person_years
        on
            contributions.indicator_no = person_years.indicator_no
            and contributions.year_no = person_years.year_no
            and contributions.person_no = person_years.person_no
            and not person_years.keeps_place
    inner join place_ladder on contributions.place_no = place_ladder.place_no
    group by
        contributions.indicator_no, place_ladder.area_no, contributions.month, contributions.sex_code,
        contributions.age_band_code, contributions.person_no
),

moving_in_cells as (
    {% for sex in ['sex_code', "'all'"] -%}
    {% for band in ['age_band_code', "'all'"] -%}
    select
        indicator_no,
        area_no,
        month,
        {{ sex }} as sex_code,
        {{ band }} as age_band_code,
        person_no,
        cast(sum(numerator) as bigint) as numerator,
        cast(sum(denominator) as bigint) as denominator
    from moving_in_areas
    group by
        indicator_no, area_no, month, person_no
        {{- ', sex_code' if sex == 'sex_code' }}{{ ', age_band_code' if band == 'age_band_code' }}
    {{ 'union all' if not loop.last }}
    {% endfor -%}
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
        partition by indicator_no, area_no, sex_code, age_band_code, person_no
        order by month
        rows between unbounded preceding and current row
    )
),

moving_areas as (
    select
        indicator_no,
        area_no,
        month,
        sex_code,
        age_band_code,
        cast(sum(numerator) as bigint) as numerator,
        cast(sum(denominator) as bigint) as denominator,
        count(case when numerator <> 0 then 1 end) as contributor_count,
        count(case when denominator <> 0 then 1 end) as denominator_contributor_count,
        count(case when numerator <> 0 and running_numerator = numerator then 1 end) as new_contributor_count,
        count(case when denominator <> 0 and running_denominator = denominator then 1 end)
            as new_denominator_contributor_count,
        cast(0 as bigint) as anonymous_count,
        count(case when numerator <> 0 and denominator <> 0 then 1 end) as matched_count,
        max(numerator) as largest_contribution,
        cast(max(running_numerator) as bigint) as largest_running
    from moving_running
    group by indicator_no, area_no, month, sex_code, age_band_code
),

in_cells as (
    {% for sex in ['sex_code', "'all'"] -%}
    select
        indicator_no,
        area_no,
        month,
        {{ sex }} as sex_code,
        age_band_code,
        {{ figures | join(', ') }}
    from steady_areas
    union all
    {% endfor -%}
    select
        indicator_no,
        area_no,
        month,
        sex_code,
        age_band_code,
        {{ figures | join(', ') }}
    from moving_areas
),

of_months as (
    select
        indicator_no,
        area_no,
        month,
        sex_code,
        age_band_code,
        {% for figure in sums + counts %}cast(sum({{ figure }}) as bigint) as {{ figure }}, {% endfor %}
        {% for figure in largest %}cast(max({{ figure }}) as bigint) as {{ figure }}{{ ', ' if not loop.last }}{% endfor %}
    from in_cells
    group by indicator_no, area_no, month, sex_code, age_band_code
),

running as (
    select
        indicator_no,
        area_no,
        month,
        sex_code,
        age_band_code,
        sum(numerator) over so_far as numerator,
        sum(denominator) over so_far as denominator,
        sum(new_contributor_count) over so_far as contributor_count,
        -- Of counts without persons the largest month is a lower bound of how many they were.
        sum(new_denominator_contributor_count) over so_far + max(anonymous_count) over so_far
            as denominator_contributor_count,
        max(largest_running) over so_far as largest_contribution,
        lead(month) over by_month as next_month
    from of_months
    window
        so_far as (
            partition by indicator_no, area_no, sex_code, age_band_code
            order by month
            rows between unbounded preceding and current row
        ),
        by_month as (
            partition by indicator_no, area_no, sex_code, age_band_code
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
    inner join catalogue
        on running.indicator_no = catalogue.indicator_no and catalogue.period_kinds like '% year_to_date %'
    inner join area_months
        on
            running.area_no = area_months.area_no
            and running.month < area_months.month
            and area_months.month < coalesce(running.next_month, date '9999-12-31')
    where running.next_month is null or running.next_month > {{ add_months('running.month', 1) }}
),

periods as (
    select
        indicator_no,
        area_no,
        'month' as period_kind,
        month as period,
        sex_code,
        age_band_code,
        numerator,
        denominator,
        contributor_count,
        matched_count as person_count,
        denominator_contributor_count + anonymous_count as denominator_contributor_count,
        largest_contribution
    from of_months
    union all
    {% for kind, source in [('year_to_date', 'running'), ('year_to_date', 'gaps'), ('fiscal_year', 'running')] -%}
    select
        facts.indicator_no,
        facts.area_no,
        '{{ kind }}' as period_kind,
        {% if kind == 'fiscal_year' -%}
        {{ fiscal_year_start('areas.fiscal_year') }} as period,
        {% else -%}
        facts.{{ 'shown_month' if source == 'gaps' else 'month' }} as period,
        {% endif -%}
        facts.sex_code,
        facts.age_band_code,
        facts.numerator,
        facts.denominator,
        facts.contributor_count,
        facts.contributor_count as person_count,
        facts.denominator_contributor_count,
        facts.largest_contribution
    from {{ source }} as facts
    {% if kind == 'fiscal_year' -%}
    inner join areas on facts.area_no = areas.area_no
    where facts.next_month is null
    {% endif -%}
    {{ 'union all' if not loop.last }}
    {% endfor -%}
),

-- A figure of a class may have the denominator of the figure that it is a share of, in the same cell.
over_bases as (
    select
        periods.indicator_no,
        periods.area_no,
        periods.period_kind,
        periods.period,
        periods.sex_code,
        periods.age_band_code,
        periods.numerator,
        coalesce(bases.denominator, 0) as denominator,
        periods.contributor_count,
        periods.person_count,
        coalesce(bases.denominator_contributor_count, 0) as denominator_contributor_count,
        periods.largest_contribution
    from periods
    inner join catalogue on periods.indicator_no = catalogue.indicator_no and catalogue.base_no is not null
    left join periods as bases
        on
            catalogue.base_no = bases.indicator_no
            and periods.area_no = bases.area_no
            and periods.period_kind = bases.period_kind
            and periods.period = bases.period
            and periods.sex_code = bases.sex_code
            and periods.age_band_code = bases.age_band_code
    union all
    select periods.*
    from periods
    inner join catalogue
        on periods.indicator_no = catalogue.indicator_no and catalogue.base_no is null and catalogue.is_shown
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
        shown.sex_code,
        shown.age_band_code,
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
    inner join catalogue
        on
            shown.indicator_no = catalogue.indicator_no
            and catalogue.period_kinds like concat('% ', shown.period_kind, ' %')
    inner join areas on shown.area_no = areas.area_no
    -- A share of nobody is not there.
    where catalogue.is_sum or shown.denominator_contributor_count > 0
)

select * from final
