{%- set grain = [
    'linkage_domain', 'indicator_id', 'definition_version', 'period', 'scheme_code', 'class_code', 'area_level',
    'area_id', 'sex_code', 'age_band_code'
] -%}

-- Only of the edition in force: what an older one of the year held is found by holding the editions together.
with in_force as (
    select * from {{ ref('edition') }}
    where is_in_force
),

frozen as (
    select
        in_force.edition_id,
        {% for column in grain %}figures.{{ column }}, {% endfor %}
        figures.numerator,
        figures.denominator
    from {{ source('edition', 'figure') }} as figures
    inner join in_force on figures.edition_id = in_force.edition_id
),

facts as (
    select
        in_force.edition_id,
        {% for column in grain %}own.{{ column }}, {% endfor %}
        own.numerator,
        own.denominator
    from {{ ref('own_indicator') }} as own
    inner join in_force
        on own.period_kind = 'fiscal_year' and cast({{ fiscal_year('own.period') }} as bigint) = in_force.fiscal_year
),

final as (
    select
        coalesce(frozen.edition_id, facts.edition_id) as edition_id,
        {% for column in grain %}coalesce(frozen.{{ column }}, facts.{{ column }}) as {{ column }},
        {% endfor -%}
        frozen.numerator as frozen_numerator,
        frozen.denominator as frozen_denominator,
        facts.numerator,
        facts.denominator
    from frozen
    full outer join facts
        on
            frozen.edition_id = facts.edition_id
            {% for column in grain -%}
            and frozen.{{ column }} = facts.{{ column }}
            {% endfor %}
    where
        frozen.edition_id is null
        or facts.edition_id is null
        or frozen.numerator <> facts.numerator
        or frozen.denominator <> facts.denominator
)

select * from final
