{#- Figures as others may see them. A first, simple protection; a stronger one that holds against differences of
    several tables has to follow before anything is shown outside.

    hidden_small       1 to (threshold - 1) persons stand behind the numerator or the denominator
    hidden_complement  the only hidden one among siblings whose total is shown takes the next smallest with it
    A peer group with fewer than min_peers other members is left out altogether. -#}
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ delete_reached('scheme_fiscal_year', 'statistics_indicator.period') }}"
) }}

{%- set figure = ['indicator_id', 'definition_version', 'period_kind', 'period', 'scheme_code'] %}
{%- set cell = figure + ['area_level', 'area_id', 'sex_code', 'age_band_code'] %}

with viewer_classes as (
    select * from {{ ref('viewer_classes') }}
),

rules as (
    select distinct
        threshold,
        min_peers
    from viewer_classes
),

areas as (
    select * from {{ ref('int_municipality__assign_areas') }}
),

facts as (
    select * from {{ ref('indicator_fact') }}
),

reached as (
    select * from facts
    where area_level <> 'district' and {{ only_reached('facts', 'scheme_fiscal_year', 'facts.period') }}
),

-- How many towns a peer group's figure rests on, by scheme and year.
peer_members as (
    select
        counted.scheme_code,
        counted.fiscal_year,
        areas.area_id,
        count(*) as members_count
    from (
        select distinct
            scheme_code,
            area_id as municipality_code,
            {{ fiscal_year('period') }} as fiscal_year
        from reached
        where
            area_level = 'municipality'
            and period_kind = 'fiscal_year'
            and sex_code = 'all'
            and age_band_code = 'all'
    ) as counted
    inner join areas
        on
            counted.municipality_code = areas.municipality_code
            and counted.fiscal_year = areas.fiscal_year
            and areas.area_level = 'peer'
    group by counted.scheme_code, counted.fiscal_year, areas.area_id
),

judged as (
    select
        rules.threshold,
        rules.min_peers,
        {% for column in cell %}reached.{{ column }}, {% endfor %}
        cast({{ fiscal_year('reached.period') }} as bigint) as fiscal_year,
        reached.numerator,
        reached.denominator,
        reached.contributor_count,
        reached.denominator_contributor_count,
        (reached.contributor_count > 0 and reached.contributor_count < rules.threshold)
        or (reached.denominator_contributor_count > 0 and reached.denominator_contributor_count < rules.threshold)
            as is_small
    from reached
    cross join rules
    left join peer_members
        on
            reached.area_level = 'peer'
            and reached.scheme_code = peer_members.scheme_code
            and {{ fiscal_year('reached.period') }} = peer_members.fiscal_year
            and reached.area_id = peer_members.area_id
    where reached.area_level <> 'peer' or peer_members.members_count > rules.min_peers
),

-- Siblings under one total, in three directions: areas, sexes, ages.
parents as (
    select distinct
        'municipality' as area_level,
        fiscal_year,
        municipality_code as area_id,
        area_level as parent_level,
        area_id as parent_id
    from areas
    where area_level in ('medical_area', 'peer')
    union all
    select distinct
        'medical_area' as area_level,
        areas.fiscal_year,
        areas.area_id,
        'prefecture' as parent_level,
        medical_areas.prefecture_code as parent_id
    from areas
    inner join {{ ref('medical_areas') }} as medical_areas on areas.area_id = medical_areas.medical_area_code
    where areas.area_level = 'medical_area'
    union all
    select distinct
        'insurer' as area_level,
        years.fiscal_year,
        insurers.insurer_number as area_id,
        'prefecture' as parent_level,
        insurers.prefecture_code as parent_id
    from {{ ref('int_insurer__assign_prefecture') }} as insurers
    cross join (select distinct fiscal_year from areas) as years
    union all
    select distinct
        'prefecture' as area_level,
        years.fiscal_year,
        prefectures.prefecture_code as area_id,
        'nation' as parent_level,
        'JP' as parent_id
    from {{ ref('prefectures') }} as prefectures
    cross join (select distinct fiscal_year from areas) as years
),

{% for direction, keys in [
    ('area', ['parent_level', 'parent_id', 'sex_code', 'age_band_code']),
    ('sex', ['area_level', 'area_id', 'age_band_code']),
    ('age', ['area_level', 'area_id', 'sex_code']),
] -%}
{{ direction }}_siblings as (
    {% if direction == 'area' -%}
    select
        judged.*,
        parents.parent_level,
        parents.parent_id
    from judged
    inner join parents
        on
            judged.area_level = parents.area_level
            and judged.area_id = parents.area_id
            and judged.fiscal_year = parents.fiscal_year
    {%- else -%}
    select * from judged
    where {{ 'sex_code' if direction == 'sex' else 'age_band_code' }} <> 'all'
    {%- endif %}
),

-- Groups with exactly one hidden child, the total of which is shown.
{{ direction }}_exposed as (
    select
        siblings.threshold,
        siblings.min_peers,
        {% for column in figure + keys %}siblings.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
    from (
        select
            threshold,
            min_peers,
            {{ (figure + keys) | join(', ') }}
        from {{ direction }}_siblings
        group by threshold, min_peers, {{ (figure + keys) | join(', ') }}
        having sum(case when is_small then 1 else 0 end) = 1
    ) as siblings
    inner join judged as totals
        on
            siblings.threshold = totals.threshold
            and siblings.min_peers = totals.min_peers
            {% for column in figure -%}
            and siblings.{{ column }} = totals.{{ column }}
            {% endfor -%}
            {% if direction == 'area' -%}
            and siblings.parent_level = totals.area_level
            and siblings.parent_id = totals.area_id
            and siblings.sex_code = totals.sex_code
            and siblings.age_band_code = totals.age_band_code
            {%- elif direction == 'sex' -%}
            and siblings.area_level = totals.area_level
            and siblings.area_id = totals.area_id
            and siblings.age_band_code = totals.age_band_code
            and totals.sex_code = 'all'
            {%- else -%}
            and siblings.area_level = totals.area_level
            and siblings.area_id = totals.area_id
            and siblings.sex_code = totals.sex_code
            and totals.age_band_code = 'all'
            {%- endif %}
            and not totals.is_small
),

{{ direction }}_victims as (
    select
        threshold,
        min_peers,
        {{ cell | join(', ') }}
    from (
        select
            siblings.threshold,
            siblings.min_peers,
            {% for column in cell %}siblings.{{ column }}, {% endfor %}
            row_number() over (
                partition by
                    siblings.threshold, siblings.min_peers,
                    {% for column in figure + keys %}siblings.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
                order by
                    case when siblings.contributor_count > 0 then 0 else 1 end,
                    siblings.contributor_count,
                    siblings.denominator_contributor_count,
                    siblings.area_id,
                    siblings.sex_code,
                    siblings.age_band_code
            ) as choice
        from {{ direction }}_siblings as siblings
        inner join {{ direction }}_exposed as exposed
            on
                siblings.threshold = exposed.threshold
                and siblings.min_peers = exposed.min_peers
                {% for column in figure + keys -%}
                and siblings.{{ column }} = exposed.{{ column }}
                {% endfor %}
        where not siblings.is_small
    ) as ranked
    where choice = 1
),

{% endfor -%}
victims as (
    select * from area_victims
    union
    select * from sex_victims
    union
    select * from age_victims
),

decided as (
    select
        judged.threshold,
        judged.min_peers,
        {% for column in cell %}judged.{{ column }}, {% endfor %}
        judged.numerator,
        judged.denominator,
        case
            when judged.is_small then 'hidden_small'
            when victims.indicator_id is not null then 'hidden_complement'
            else 'shown'
        end as value_status
    from judged
    left join victims
        on
            judged.threshold = victims.threshold
            and judged.min_peers = victims.min_peers
            {% for column in cell -%}
            and judged.{{ column }} = victims.{{ column }}
            {% endfor %}
),

final as (
    select
        viewer_classes.viewer_class,
        decided.indicator_id,
        decided.definition_version,
        decided.period_kind,
        decided.period,
        decided.scheme_code,
        decided.area_level,
        decided.area_id,
        decided.sex_code,
        decided.age_band_code,
        case when decided.value_status = 'shown' then decided.numerator end as numerator,
        case when decided.value_status = 'shown' then decided.denominator end as denominator,
        decided.value_status
    from decided
    inner join viewer_classes
        on decided.threshold = viewer_classes.threshold and decided.min_peers = viewer_classes.min_peers
)

select * from final
