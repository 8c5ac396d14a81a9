{#- Members, and shares of them by age; all of these over the denominator of the first (seed indicator_bases). -#}
{%- set ages = [('members_under_40', 0, 39), ('members_40_64', 40, 64), ('members_65_74', 65, 74)] -%}
with members as (
    select * from {{ ref('person_month') }}
    where is_member and {{ is_counted_year('fiscal_year') }}
),

counted as (
    select
        'members' as indicator_id,
        members.*,
        1 as numerator,
        0 as denominator
    from members
    {% for indicator, first_age, last_age in ages -%}
    union all
    select
        '{{ indicator }}' as indicator_id,
        members.*,
        case when age_at_month_end between {{ first_age }} and {{ last_age }} then 1 else 0 end as numerator,
        {{ 1 if loop.first else 0 }} as denominator
    from members
    where
        scheme_code in ('kokuho', 'kumiai')
        {% if not loop.first %}and age_at_month_end between {{ first_age }} and {{ last_age }}{% endif %}
    {% endfor %}
),

final as (
    select
        indicator_id,
        scheme_code,
        insurer_number,
        municipality_code,
        district_code,
        month,
        fiscal_year,
        sex_code,
        age_band_code,
        person_id,
        cast(numerator as bigint) as numerator,
        cast(denominator as bigint) as denominator
    from counted
)

select * from final
