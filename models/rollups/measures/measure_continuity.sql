{#- 継続受診率: who was examined in the year before at the same insurer and is eligible now (attendance_asof), and of them
    who was examined again. A person stands once a year, where the person was eligible last. -#}
{%- set place = [
    'scheme_code', 'insurer_number', 'municipality_code', 'district_code', 'month', 'fiscal_year', 'sex_code',
    'age_band_code', 'person_id'
] -%}
with attendance as (
    select * from {{ ref('measure_attendance') }}
    where indicator_id = 'attendance_asof'
),

examined as (
    select distinct
        person_id,
        scheme_code,
        insurer_number,
        fiscal_year
    from attendance
    where numerator = 1
),

eligible as (
    select
        {{ place | join(', ') }},
        row_number() over (
            partition by person_id, scheme_code, insurer_number, fiscal_year order by month desc
        ) as place_from_end
    from attendance
    where denominator = 1
),

final as (
    select
        'continued_attendance' as indicator_id,
        {% for column in place %}eligible.{{ column }}, {% endfor %}
        cast(case when again.person_id is null then 0 else 1 end as bigint) as numerator,
        cast(1 as bigint) as denominator
    from eligible
    inner join examined as before
        on
            eligible.person_id = before.person_id
            and eligible.scheme_code = before.scheme_code
            and eligible.insurer_number = before.insurer_number
            and eligible.fiscal_year = before.fiscal_year + 1
    left join examined as again
        on
            eligible.person_id = again.person_id
            and eligible.scheme_code = again.scheme_code
            and eligible.insurer_number = again.insurer_number
            and eligible.fiscal_year = again.fiscal_year
    where eligible.place_from_end = 1
)

select * from final
