{{ config(materialized='table') }}

{#- Counts of senders that count: those of insurers, towns and prefectures whose own records tell nothing of the figure.

    records win   an insurer that sent records of an indicator, in a scheme and fiscal year, is counted by them; so are the
                  towns that it answers for, and a prefecture or medical area with any such insurer
    one source    of one figure and prefecture a single source is taken: the prefecture's own sender before one for the
                  whole country, then the newer, so that levels, sexes and ages stay of one table

    Whole figures of the nation and of peer groups hold everybody: whether they are shown is decided in sent_fact. -#}
{%- set figure = ['indicator_id', 'definition_version', 'period_kind', 'period', 'scheme_code', 'class_code'] -%}

with months as (
    select * from {{ ref('int_calendar__list_months') }}
),

insurers as (
    select * from {{ ref('int_insurer__assign_prefecture') }}
),

sent as (
    select
        told.*,
        months.fiscal_year,
        case
            when told.area_level = 'insurer' then insurers.prefecture_code
            when told.area_level in ('prefecture', 'municipality') then substr(told.area_id, 1, 2)
            when told.area_level = 'medical_area' then medical_areas.prefecture_code
            else ''
        end as prefecture_code
    from {{ ref('stg_statistics__statistic') }} as told
    inner join months on told.period = months.month
    left join insurers on told.area_level = 'insurer' and told.area_id = insurers.insurer_number
    left join {{ ref('medical_areas') }} as medical_areas
        on told.area_level = 'medical_area' and told.area_id = medical_areas.medical_area_code
),

-- The figures that anybody sent: of no other is it asked who counted them here.
asked as (
    select distinct
        indicator_id,
        scheme_code,
        fiscal_year
    from sent
),

counted as (
    select distinct
        facts.indicator_id,
        facts.scheme_code,
        asked.fiscal_year,
        facts.area_level,
        facts.area_id
    from {{ ref('indicator_fact') }} as facts
    inner join asked
        on
            facts.indicator_id = asked.indicator_id
            and facts.scheme_code = asked.scheme_code
            and {{ fiscal_year('facts.period') }} = asked.fiscal_year
    where
        facts.area_level in ('prefecture', 'insurer', 'municipality')
        and facts.sex_code = 'all'
        and facts.age_band_code = 'all'
),

responsible as (
    select distinct
        insurer_municipality.scheme_code,
        insurer_municipality.insurer_number,
        insurer_municipality.municipality_code,
        months.fiscal_year
    from {{ ref('insurer_municipality') }} as insurer_municipality
    inner join months
        on
            insurer_municipality.valid_from <= months.month
            and (insurer_municipality.valid_to is null or insurer_municipality.valid_to > months.month)
),

speaking as (
    select
        counted.indicator_id,
        counted.scheme_code,
        counted.fiscal_year,
        counted.area_id as insurer_number,
        insurers.prefecture_code
    from counted
    left join insurers on counted.area_id = insurers.insurer_number
    where counted.area_level = 'insurer'
),

-- Towns of which records tell: those that such an insurer answers for. Of an insurer that no seed knows the towns are
-- those with figures; so are those of 国保＋後期, which has no insurers.
spoken_towns as (
    select
        speaking.indicator_id,
        speaking.scheme_code,
        speaking.fiscal_year,
        responsible.municipality_code
    from speaking
    inner join responsible
        on
            speaking.scheme_code = responsible.scheme_code
            and speaking.insurer_number = responsible.insurer_number
            and speaking.fiscal_year = responsible.fiscal_year
    union
    select
        counted.indicator_id,
        counted.scheme_code,
        counted.fiscal_year,
        counted.area_id as municipality_code
    from counted
    inner join speaking
        on
            counted.indicator_id = speaking.indicator_id
            and counted.scheme_code = speaking.scheme_code
            and counted.fiscal_year = speaking.fiscal_year
            and substr(counted.area_id, 1, 2) = speaking.prefecture_code
    left join responsible
        on
            speaking.scheme_code = responsible.scheme_code
            and speaking.insurer_number = responsible.insurer_number
            and speaking.fiscal_year = responsible.fiscal_year
    where counted.area_level = 'municipality' and responsible.insurer_number is null
    union
    select
        indicator_id,
        scheme_code,
        fiscal_year,
        area_id as municipality_code
    from counted
    where area_level = 'municipality' and scheme_code = 'kokuho_koki'
),

spoken as (
    select
        indicator_id,
        scheme_code,
        fiscal_year,
        'insurer' as area_level,
        insurer_number as area_id
    from speaking
    union
    select
        indicator_id,
        scheme_code,
        fiscal_year,
        'municipality' as area_level,
        municipality_code as area_id
    from spoken_towns
    union
    select
        indicator_id,
        scheme_code,
        fiscal_year,
        'prefecture' as area_level,
        prefecture_code as area_id
    from speaking
    union
    select
        indicator_id,
        scheme_code,
        fiscal_year,
        'prefecture' as area_level,
        area_id
    from counted
    where area_level = 'prefecture' and scheme_code = 'kokuho_koki'
    union
    select
        spoken_towns.indicator_id,
        spoken_towns.scheme_code,
        spoken_towns.fiscal_year,
        assigned.area_level,
        assigned.area_id
    from spoken_towns
    inner join {{ ref('int_municipality__assign_areas') }} as assigned
        on
            spoken_towns.municipality_code = assigned.municipality_code
            and spoken_towns.fiscal_year = assigned.fiscal_year
            and assigned.area_level = 'medical_area'
),

unspoken as (
    select sent.*
    from sent
    left join spoken
        on
            sent.indicator_id = spoken.indicator_id
            and sent.scheme_code = spoken.scheme_code
            and sent.fiscal_year = spoken.fiscal_year
            and sent.area_level = spoken.area_level
            and sent.area_id = spoken.area_id
    where spoken.area_id is null
),

-- Told of what is left: a source that only repeats whose records came stands in nobody's way.
sources as (
    select
        {{ figure | join(', ') }},
        prefecture_code,
        linkage_domain,
        source_id,
        year,
        row_number() over (
            partition by {{ figure | join(', ') }}, prefecture_code
            order by
                case when linkage_domain = prefecture_code then 0 else 1 end asc,
                max(created_date) desc,
                year desc,
                linkage_domain asc,
                source_id asc
        ) as choice
    from unspoken
    group by {{ figure | join(', ') }}, prefecture_code, linkage_domain, source_id, year
),

final as (
    select
        {% for column in figure %}unspoken.{{ column }}, {% endfor %}
        unspoken.area_level,
        unspoken.area_id,
        unspoken.sex_code,
        unspoken.age_band_code,
        unspoken.prefecture_code,
        unspoken.fiscal_year,
        unspoken.numerator,
        unspoken.denominator,
        unspoken.contributor_count,
        unspoken.denominator_contributor_count,
        unspoken.largest_contribution,
        unspoken.insurers_count,
        unspoken.source,
        unspoken.year,
        unspoken.is_generated,
        unspoken.linkage_domain
    from unspoken
    inner join sources
        on
            unspoken.prefecture_code = sources.prefecture_code
            {% for column in figure -%}
            and unspoken.{{ column }} = sources.{{ column }}
            {% endfor -%}
            and unspoken.linkage_domain = sources.linkage_domain
            and unspoken.source_id = sources.source_id
            and unspoken.year = sources.year
    where sources.choice = 1
)

select * from final
