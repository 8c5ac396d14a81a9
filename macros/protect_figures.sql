{# Figures as others may see them, once for every rule of protection (seed viewer_classes). A first, simple protection:
    it does not yet hold against differences of several tables, and complements are not followed further than one step.

    hidden_small       1 to (threshold - 1) persons stand behind the numerator or the denominator
    hidden_complement  the only hidden one among siblings whose total is shown takes the next smallest with it
    A peer group with fewer than min_peers other members is left out altogether.

    What senders counted (sent_fact) is added to what is counted from records before anything is hidden: the same rules
    hold for both, and a hidden town is not found by subtraction from a nation that is shown.

    As in count_figures, figures, areas, sexes and bands go by numbers of this run on the way.

    No year is protected by another: those are taken that are counted (figures/years_counted.sql). #}
{% macro protect_figures() -%}
{%- set figure = ['indicator_id', 'definition_version', 'period_kind', 'period', 'scheme_code', 'class_code'] %}
{%- set cell = figure + ['area_level', 'area_id', 'sex_code', 'age_band_code'] %}
{%- set counts = ['numerator', 'denominator', 'contributor_count', 'denominator_contributor_count'] %}

with rules as (
    select
        threshold,
        min_peers,
        row_number() over (order by threshold, min_peers) as rule_no
    from (
        select distinct
            threshold,
            min_peers
        from {{ ref('viewer_classes') }}
    ) as distinct_rules
),

assigned as (
    select * from {{ ref('int_municipality__assign_areas') }}
),

facts as (
    select * from {{ ref('indicator_fact') }}
),

counted as (
    select * from facts
    where
        area_level <> 'district'
        and {{ is_counted_month('period') }}
        and {{ only_reached('facts', 'scheme_year_or_care', 'facts.period') }}
),

-- One row a cell: its sources together.
sent as (
    select
        {% for column in cell %}brought.{{ column }}, {% endfor %}
        brought.is_whole,
        {% for name in counts %}cast(sum(brought.{{ name }}) as bigint) as {{ name }}, {% endfor %}
        cast(sum(brought.insurers_count) as bigint) as insurers_count
    from {{ ref('sent_fact') }} as brought
    where
        {{ is_counted_month('brought.period') }}
        and {{ only_reached('brought', 'scheme_year_or_care', 'brought.period') }}
    group by {% for column in cell %}brought.{{ column }}, {% endfor %}brought.is_whole
),

reached as (
    select
        {% for column in cell %}coalesce(counted.{{ column }}, sent.{{ column }}) as {{ column }}, {% endfor %}
        {% for name in counts -%}
        case when sent.is_whole then 0 else coalesce(counted.{{ name }}, 0) end + coalesce(sent.{{ name }}, 0)
            as {{ name }}{{ ',' if not loop.last }}
        {% endfor %}
    from counted
    full outer join sent
        on
            {% for column in cell -%}
            counted.{{ column }} = sent.{{ column }}{{ ' and ' if not loop.last }}
            {%- endfor %}
),

figures as (
    select
        row_number() over (order by {{ figure | join(', ') }}) as figure_no,
        cast({{ fiscal_year('period') }} as bigint) as fiscal_year,
        {{ figure | join(', ') }}
    from (select distinct {{ figure | join(', ') }} from reached) as met
),

areas as (
    select
        row_number() over (order by area_level, area_id) as area_no,
        area_level,
        area_id
    from (
        select distinct
            area_level,
            area_id
        from reached
    ) as met
),

-- 0 is all of them.
{% for name, column in [('sex', 'sex_code'), ('band', 'age_band_code')] -%}
{{ 'sexes' if name == 'sex' else 'bands' }} as (
    select
        cast(case when {{ column }} = 'all' then 0 else row_number() over (order by {{ column }}) end as tinyint)
            as {{ name }}_no,
        {{ column }}
    from (select distinct {{ column }} from reached) as met
),

{% endfor -%}
-- How many towns with records a peer group's figure rests on, by scheme and year.
peer_members as (
    select
        towns.scheme_code,
        towns.fiscal_year,
        assigned.area_level,
        assigned.area_id,
        count(*) as members_count
    from (
        select distinct
            scheme_code,
            cast({{ fiscal_year('period') }} as bigint) as fiscal_year,
            area_id as municipality_code
        from counted
        where
            area_level = 'municipality'
            and period_kind = 'fiscal_year'
            and sex_code = 'all'
            and age_band_code = 'all'
    ) as towns
    inner join assigned
        on
            towns.municipality_code = assigned.municipality_code
            and towns.fiscal_year = assigned.fiscal_year
            and assigned.area_level = 'peer'
    group by towns.scheme_code, towns.fiscal_year, assigned.area_level, assigned.area_id
),

-- And how many insurers were sent of it; that is of the figure alone, for counts are sent of some figures only.
sent_members as (
    select
        figures.figure_no,
        sent.area_id,
        max(sent.insurers_count) as members_count
    from sent
    inner join figures
        on
            {% for column in figure -%}
            sent.{{ column }} = figures.{{ column }}{{ ' and ' if not loop.last }}
            {%- endfor %}
    where sent.area_level = 'peer' and sent.sex_code = 'all' and sent.age_band_code = 'all'
    group by figures.figure_no, sent.area_id
),

cells as (
    select
        rules.rule_no,
        figures.figure_no,
        areas.area_no,
        sexes.sex_no,
        bands.band_no,
        reached.numerator,
        reached.denominator,
        reached.contributor_count,
        reached.denominator_contributor_count,
        (reached.contributor_count > 0 and reached.contributor_count < rules.threshold)
        or (reached.denominator_contributor_count > 0 and reached.denominator_contributor_count < rules.threshold)
            as is_small
    from reached
    inner join figures
        on
            {% for column in figure -%}
            reached.{{ column }} = figures.{{ column }}{{ ' and ' if not loop.last }}
            {%- endfor %}
    inner join areas on reached.area_level = areas.area_level and reached.area_id = areas.area_id
    inner join sexes on reached.sex_code = sexes.sex_code
    inner join bands on reached.age_band_code = bands.age_band_code
    cross join rules
    left join peer_members
        on
            reached.area_level = peer_members.area_level
            and figures.scheme_code = peer_members.scheme_code
            and figures.fiscal_year = peer_members.fiscal_year
            and reached.area_id = peer_members.area_id
    left join sent_members
        on
            reached.area_level = 'peer'
            and figures.figure_no = sent_members.figure_no
            and reached.area_id = sent_members.area_id
    where
        reached.area_level <> 'peer'
        or coalesce(peer_members.members_count, 0) + coalesce(sent_members.members_count, 0) > rules.min_peers
),

-- Siblings under one total: the sexes, the ages, the areas of one level in a larger one.
steps as (
    select
        fiscal_year,
        'municipality' as area_level,
        municipality_code as area_id,
        area_level as parent_level,
        area_id as parent_id
    from assigned
    where area_level in ('medical_area', 'peer')
    union all
    -- Medical areas are no level of care; there, and where none are entered, the towns add up to the prefecture.
    select
        assigned.fiscal_year,
        'municipality' as area_level,
        assigned.municipality_code as area_id,
        'prefecture' as parent_level,
        municipalities.prefecture_code as parent_id
    from assigned
    inner join {{ ref('municipalities') }} as municipalities
        on assigned.municipality_code = municipalities.municipality_code
    where assigned.area_level = 'municipality'
    union all
    select distinct
        assigned.fiscal_year,
        'medical_area' as area_level,
        assigned.area_id,
        'prefecture' as parent_level,
        medical_areas.prefecture_code as parent_id
    from assigned
    inner join {{ ref('medical_areas') }} as medical_areas on assigned.area_id = medical_areas.medical_area_code
    where assigned.area_level = 'medical_area'
    union all
    select
        years.fiscal_year,
        'insurer' as area_level,
        insurers.insurer_number as area_id,
        'prefecture' as parent_level,
        insurers.prefecture_code as parent_id
    from {{ ref('int_insurer__assign_prefecture') }} as insurers
    cross join (select distinct fiscal_year from assigned) as years
    union all
    select
        years.fiscal_year,
        'prefecture' as area_level,
        prefectures.prefecture_code as area_id,
        'nation' as parent_level,
        'JP' as parent_id
    from {{ ref('prefectures') }} as prefectures
    cross join (select distinct fiscal_year from assigned) as years
),

ladder as (
    select
        steps.fiscal_year,
        areas.area_no,
        steps.area_level,
        steps.area_level = 'municipality' and steps.parent_level = 'prefecture' and parted.prefecture_code is not null
            as is_care_only,
        parents.area_no as parent_no
    from steps
    inner join areas on steps.area_level = areas.area_level and steps.area_id = areas.area_id
    inner join areas as parents on steps.parent_level = parents.area_level and steps.parent_id = parents.area_id
    left join (select distinct prefecture_code from {{ ref('medical_areas') }}) as parted
        on steps.parent_level = 'prefecture' and steps.parent_id = parted.prefecture_code
),

area_children as (
    select
        cells.rule_no,
        cells.figure_no,
        ladder.parent_no,
        ladder.area_level,
        cells.sex_no,
        cells.band_no,
        cells.area_no,
        cells.contributor_count,
        cells.denominator_contributor_count,
        cells.is_small
    from cells
    inner join figures on cells.figure_no = figures.figure_no
    inner join ladder
        on
            cells.area_no = ladder.area_no
            and figures.fiscal_year = ladder.fiscal_year
            and (figures.scheme_code = 'care' or not ladder.is_care_only)
),

-- Groups with exactly one hidden child and a total that is shown.
sex_groups as (
    select
        rule_no,
        figure_no,
        area_no,
        band_no
    from cells
    group by rule_no, figure_no, area_no, band_no
    having
        count(case when is_small and sex_no <> 0 then 1 end) = 1
        and count(case when not is_small and sex_no = 0 then 1 end) = 1
),

age_groups as (
    select
        rule_no,
        figure_no,
        area_no,
        sex_no
    from cells
    group by rule_no, figure_no, area_no, sex_no
    having
        count(case when is_small and band_no <> 0 then 1 end) = 1
        and count(case when not is_small and band_no = 0 then 1 end) = 1
),

area_groups as (
    select
        lone.rule_no,
        lone.figure_no,
        lone.parent_no,
        lone.area_level,
        lone.sex_no,
        lone.band_no
    from (
        select
            rule_no,
            figure_no,
            parent_no,
            area_level,
            sex_no,
            band_no
        from area_children
        group by rule_no, figure_no, parent_no, area_level, sex_no, band_no
        having count(case when is_small then 1 end) = 1
    ) as lone
    inner join cells as totals
        on
            lone.rule_no = totals.rule_no
            and lone.figure_no = totals.figure_no
            and lone.parent_no = totals.area_no
            and lone.sex_no = totals.sex_no
            and lone.band_no = totals.band_no
            and not totals.is_small
),

{% for direction, keys, source in [
    ('sex', ['area_no', 'band_no'], 'cells'),
    ('age', ['area_no', 'sex_no'], 'cells'),
    ('area', ['parent_no', 'area_level', 'sex_no', 'band_no'], 'area_children'),
] -%}
{{ direction }}_candidates as (
    select
        children.rule_no,
        children.figure_no,
        children.area_no,
        children.sex_no,
        children.band_no,
        row_number() over (
            partition by
                children.rule_no, children.figure_no
                {%- for column in keys %}, children.{{ column }}{% endfor %}
            order by
                case when children.contributor_count > 0 then 0 else 1 end,
                children.contributor_count,
                children.denominator_contributor_count,
                children.area_no,
                children.sex_no,
                children.band_no
        ) as choice
    from {{ source }} as children
    inner join {{ direction }}_groups as exposed
        on
            children.rule_no = exposed.rule_no
            and children.figure_no = exposed.figure_no
            {% for column in keys -%}
            and children.{{ column }} = exposed.{{ column }}
            {% endfor -%}
    where
        not children.is_small
        {% if direction != 'area' -%}
        and children.{{ 'sex_no' if direction == 'sex' else 'band_no' }} <> 0
        {%- endif %}
),

{% endfor -%}
first_complements as (
    {% for direction in ['sex', 'age', 'area'] -%}
    select
        rule_no,
        figure_no,
        area_no,
        sex_no,
        band_no
    from {{ direction }}_candidates
    where choice = 1
    {{ 'union' if not loop.last }}
    {% endfor -%}
),

-- An insurer with one town and that town show the same number: what is hidden of one is hidden of both.
twins as (
    select distinct
        figures.figure_no,
        insurers.area_no as insurer_no,
        towns.area_no as town_no
    from {{ ref('int_insurer__find_own_municipality') }} as owners
    inner join {{ ref('int_calendar__list_months') }} as months on owners.month = months.month
    inner join figures on owners.scheme_code = figures.scheme_code and months.fiscal_year = figures.fiscal_year
    inner join areas as insurers
        on owners.insurer_number = insurers.area_id and insurers.area_level = 'insurer'
    inner join areas as towns
        on owners.municipality_code = towns.area_id and towns.area_level = 'municipality'
),

complements as (
    select * from first_complements
    {% for one, other in [('insurer_no', 'town_no'), ('town_no', 'insurer_no')] -%}
    union
    select
        first_complements.rule_no,
        first_complements.figure_no,
        twins.{{ other }} as area_no,
        first_complements.sex_no,
        first_complements.band_no
    from first_complements
    inner join twins
        on first_complements.figure_no = twins.figure_no and first_complements.area_no = twins.{{ one }}
    {% endfor -%}
),

decided as (
    select
        cells.*,
        case
            when cells.is_small then 'hidden_small'
            when complements.figure_no is not null then 'hidden_complement'
            else 'shown'
        end as value_status
    from cells
    left join complements
        on
            cells.rule_no = complements.rule_no
            and cells.figure_no = complements.figure_no
            and cells.area_no = complements.area_no
            and cells.sex_no = complements.sex_no
            and cells.band_no = complements.band_no
),

final as (
    select
        rules.threshold,
        rules.min_peers,
        {% for column in figure %}figures.{{ column }}, {% endfor %}
        areas.area_level,
        areas.area_id,
        sexes.sex_code,
        bands.age_band_code,
        case when decided.value_status = 'shown' then decided.numerator end as numerator,
        case when decided.value_status = 'shown' then decided.denominator end as denominator,
        decided.value_status
    from decided
    inner join rules on decided.rule_no = rules.rule_no
    inner join figures on decided.figure_no = figures.figure_no
    inner join areas on decided.area_no = areas.area_no
    inner join sexes on decided.sex_no = sexes.sex_no
    inner join bands on decided.band_no = bands.band_no
)

select * from final
{%- endmacro %}
