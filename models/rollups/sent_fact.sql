{{ config(materialized='table') }}

{#- What counts of senders bring to each figure: a part, added to what is counted from records, or the whole of it.

    Of a prefecture the finest level is added up: its towns, else its insurers, else itself. Where the sender tells the
    prefecture or the medical area itself, that stands for it. Upwards only what adds up over areas is added (seed
    indicators, additive_over); of the rest an area has what was sent of it.

    A whole figure of the nation or of a peer group takes the place of the sum where it rests on more insurers. One row a
    source: a figure of several senders names each. -#}
{%- set figure = ['indicator_id', 'definition_version', 'period_kind', 'period', 'scheme_code', 'class_code'] -%}
{%- set cell = figure + ['sex_code', 'age_band_code'] -%}
{%- set sums = [
    'numerator', 'denominator', 'contributor_count', 'denominator_contributor_count', 'insurers_count'
] -%}
{%- set origin = ['source', 'year', 'is_generated'] -%}
{%- set place = ['indicator_id', 'scheme_code', 'fiscal_year', 'area_level', 'area_id'] -%}

with pieces as (
    select
        chosen.*,
        concat(' ', indicators.additive_over, ' ') like '% area %' as adds_areas
    from {{ ref('sent_piece') }} as chosen
    inner join {{ ref('indicators') }} as indicators
        on
            chosen.indicator_id = indicators.indicator_id
            and chosen.definition_version = indicators.definition_version
),

assigned as (
    select * from {{ ref('int_municipality__assign_areas') }}
),

-- The finest level that a cell of a prefecture is told at.
finest as (
    select
        {{ columns_of('pieces', cell) }},
        pieces.prefecture_code,
        min(case pieces.area_level when 'municipality' then 1 when 'insurer' then 2 else 3 end) as level_no
    from pieces
    where pieces.area_level in ('municipality', 'insurer', 'prefecture')
    group by {{ columns_of('pieces', cell) }}, pieces.prefecture_code
),

parts as (
    select pieces.*
    from pieces
    inner join finest
        on
            {{ same_in('pieces', 'finest', cell) }}
            and pieces.prefecture_code = finest.prefecture_code
            and case pieces.area_level when 'municipality' then 1 when 'insurer' then 2 when 'prefecture' then 3 end
            = finest.level_no
    where pieces.adds_areas
),

added as (
    select
        parts.*,
        assigned.area_level as whole_level,
        assigned.area_id as whole_id
    from parts
    inner join assigned
        on
            parts.area_level = 'municipality'
            and parts.area_id = assigned.municipality_code
            and parts.fiscal_year = assigned.fiscal_year
            and assigned.area_level in ('medical_area', 'peer')
            and not (parts.scheme_code = 'care' and assigned.area_level = 'medical_area')
    union all
    select
        parts.*,
        'prefecture' as whole_level,
        prefecture_code as whole_id
    from parts
    where area_level in ('municipality', 'insurer')
),

summed as (
    select
        {{ columns_of('added', cell) }},
        whole_level as area_level,
        whole_id as area_id,
        fiscal_year,
        {% for name in sums %}cast(sum({{ name }}) as bigint) as {{ name }}, {% endfor %}
        {{ columns_of('added', origin) }}
    from added
    group by {{ columns_of('added', cell + origin) }}, whole_level, whole_id, fiscal_year
),

told as (
    select
        {{ columns_of('pieces', cell) }},
        area_level,
        area_id,
        fiscal_year,
        {{ columns_of('pieces', sums + origin) }}
    from pieces
    where area_level not in ('nation', 'peer')
),

-- What was sent of an area itself stands before the sum of its parts.
below_nation as (
    select * from told
    union all
    select summed.*
    from summed
    left join told
        on
            {{ same_in('summed', 'told', cell) }}
            and summed.area_level = told.area_level
            and summed.area_id = told.area_id
    where told.area_id is null
),

nation as (
    select
        {{ columns_of('below_nation', cell) }},
        'nation' as area_level,
        'JP' as area_id,
        below_nation.fiscal_year,
        {% for name in sums %}cast(sum(below_nation.{{ name }}) as bigint) as {{ name }}, {% endfor %}
        {{ columns_of('below_nation', origin) }}
    from below_nation
    inner join {{ ref('indicators') }} as indicators
        on
            below_nation.indicator_id = indicators.indicator_id
            and below_nation.definition_version = indicators.definition_version
            and concat(' ', indicators.additive_over, ' ') like '% area %'
    where below_nation.area_level = 'prefecture'
    group by {{ columns_of('below_nation', cell + origin) }}, below_nation.fiscal_year
),

all_parts as (
    select * from below_nation
    union all
    select * from nation
),

months as (
    select * from {{ ref('int_calendar__list_months') }}
),

-- Insurers whose records a figure of an area rests on, where counts were sent of the figure at all.
speaking as (
    select distinct
        facts.indicator_id,
        facts.scheme_code,
        asked.fiscal_year,
        facts.area_id as insurer_number,
        insurers.prefecture_code
    from {{ ref('indicator_fact') }} as facts
    inner join (
        select distinct
            indicator_id,
            scheme_code,
            fiscal_year
        from pieces
    ) as asked
        on
            facts.indicator_id = asked.indicator_id
            and (
                facts.scheme_code = asked.scheme_code
                or (asked.scheme_code = 'kokuho_koki' and facts.scheme_code in ('kokuho', 'koki'))
            )
            and {{ fiscal_year('facts.period') }} = asked.fiscal_year
    left join {{ ref('int_insurer__assign_prefecture') }} as insurers on facts.area_id = insurers.insurer_number
    where facts.area_level = 'insurer' and facts.sex_code = 'all' and facts.age_band_code = 'all'
),

places as (
    select distinct
        speaking.indicator_id,
        speaking.scheme_code,
        speaking.fiscal_year,
        speaking.insurer_number,
        assigned.area_level,
        assigned.area_id
    from speaking
    inner join {{ ref('insurer_municipality') }} as answering
        on
            speaking.scheme_code = answering.scheme_code
            and speaking.insurer_number = answering.insurer_number
    inner join months
        on
            speaking.fiscal_year = months.fiscal_year
            and answering.valid_from <= months.month
            and (answering.valid_to is null or answering.valid_to > months.month)
    inner join assigned
        on
            answering.municipality_code = assigned.municipality_code
            and speaking.fiscal_year = assigned.fiscal_year
    union all
    select
        indicator_id,
        scheme_code,
        fiscal_year,
        insurer_number,
        'prefecture' as area_level,
        prefecture_code as area_id
    from speaking
    union all
    select
        indicator_id,
        scheme_code,
        fiscal_year,
        insurer_number,
        'nation' as area_level,
        'JP' as area_id
    from speaking
),

counted_insurers as (
    select
        indicator_id,
        joint.scheme_code,
        fiscal_year,
        area_level,
        area_id,
        count(*) as record_insurers_count
    from places
    inner join (
        select
            'kokuho_koki' as scheme_code,
            'kokuho' as part_code
        union all
        select
            'kokuho_koki' as scheme_code,
            'koki' as part_code
        union all
        select
            scheme_code,
            scheme_code as part_code
        from {{ ref('schemes') }}
    ) as joint on places.scheme_code = joint.part_code
    group by indicator_id, joint.scheme_code, fiscal_year, area_level, area_id
),

sizes as (
    select
        {{ columns_of('all_parts', cell) }},
        area_level,
        area_id,
        sum(insurers_count) as insurers_count
    from all_parts
    where area_level in ('nation', 'peer')
    group by {{ columns_of('all_parts', cell) }}, area_level, area_id
),

wholes as (
    select
        pieces.*,
        coalesce(sizes.insurers_count, 0) as part_insurers_count
    from pieces
    left join sizes
        on
            {{ same_in('pieces', 'sizes', cell) }}
            and pieces.area_level = sizes.area_level
            and pieces.area_id = sizes.area_id
    where pieces.area_level in ('nation', 'peer')
),

taken as (
    select wholes.*
    from wholes
    left join counted_insurers
        on
            {{ same_in('wholes', 'counted_insurers', place) }}
    where
        wholes.insurers_count
        > wholes.part_insurers_count + coalesce(counted_insurers.record_insurers_count, 0)
),

brought as (
    select
        all_parts.*,
        false as is_whole
    from all_parts
    left join taken
        on
            {{ same_in('all_parts', 'taken', cell) }}
            and all_parts.area_level = taken.area_level
            and all_parts.area_id = taken.area_id
    where taken.area_id is null
    union all
    select
        {{ columns_of('taken', cell) }},
        area_level,
        area_id,
        fiscal_year,
        {{ columns_of('taken', sums + origin) }},
        true as is_whole
    from taken
),

final as (
    select
        {{ columns_of('brought', cell) }},
        brought.area_level,
        brought.area_id,
        brought.fiscal_year,
        {{ columns_of('brought', sums + origin) }},
        case when brought.is_whole then 0 else coalesce(counted_insurers.record_insurers_count, 0) end
            as record_insurers_count,
        brought.is_whole
    from brought
    left join counted_insurers
        on
            {{ same_in('brought', 'counted_insurers', place) }}
)

select * from final
