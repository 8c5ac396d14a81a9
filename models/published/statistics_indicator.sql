{#- Once for every rule of protection: classes of viewers under the same rule share one product (model viewer_class).

    Figures of all residents are public: they are shown whole, of the areas that the screen knows. Those that stand beside
    the members of 国保 are hidden where the members are. -#}
{%- set figure = ['indicator_id', 'definition_version', 'period_kind', 'period', 'scheme_code'] -%}

with statistic as (
    select * from {{ ref('statistic') }}
),

rules as (
    select distinct
        threshold,
        min_peers
    from {{ ref('viewer_classes') }}
),

areas as (
    select distinct
        area_level,
        area_id
    from {{ ref('area') }}
),

facts as (
    select * from {{ ref('reference_fact') }}
),

members as (
    select * from statistic
    where indicator_id = 'members' and period_kind = 'fiscal_year' and sex_code = 'all' and age_band_code = 'all'
),

final as (
    select * from statistic
    union all
    select
        rules.threshold,
        rules.min_peers,
        {% for column in figure %}facts.{{ column }}, {% endfor %}
        '' as class_code,
        facts.area_level,
        facts.area_id,
        facts.sex_code,
        facts.age_band_code,
        facts.numerator,
        facts.denominator,
        'shown' as value_status
    from facts
    inner join areas on facts.area_level = areas.area_level and facts.area_id = areas.area_id
    cross join rules
    where facts.scheme_code = 'residents'
    union all
    select
        members.threshold,
        members.min_peers,
        {% for column in figure %}facts.{{ column }}, {% endfor %}
        '' as class_code,
        facts.area_level,
        facts.area_id,
        facts.sex_code,
        facts.age_band_code,
        case when members.value_status = 'shown' then facts.numerator end as numerator,
        case when members.value_status = 'shown' then facts.denominator end as denominator,
        members.value_status
    from facts
    inner join members
        on
            facts.scheme_code = members.scheme_code
            and facts.period = members.period
            and facts.area_level = members.area_level
            and facts.area_id = members.area_id
)

select * from final
