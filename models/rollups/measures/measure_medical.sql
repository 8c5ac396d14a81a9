{%- set place = [
    'scheme_code', 'insurer_number', 'municipality_code', 'district_code', 'fiscal_year', 'sex_code', 'age_band_code',
    'person_id'
] -%}
with months as (
    select * from {{ ref('int_calendar__list_months') }}
),

-- A 総括 receipt repeats the money and the days of its children, which are counted themselves.
claims as (
    select * from {{ ref('claim') }}
    where not is_summary
),

of_persons as (
    select
        {{ place | join(', ') }},
        service_month as month,
        count(*) as claims_count,
        sum(case when is_inpatient then cost_yen else 0 end) as inpatient_yen,
        sum(case when is_inpatient then 0 else cost_yen end) as outpatient_yen,
        sum(points) as points,
        sum(days_count) as days_count
    from claims
    where service_month in (select month from months)
    group by {{ place | join(', ') }}, service_month
),

-- A month that an insurer's receipts have not come for is missing, not zero: its members stay out of the denominator.
delivered as (
    select distinct
        scheme_code,
        insurer_number,
        service_month as month
    from {{ ref('claim') }}
),

members as (
    select
        {% for column in place %}spine.{{ column }}, {% endfor %}
        spine.month
    from {{ ref('person_month') }} as spine
    inner join delivered
        on
            spine.scheme_code = delivered.scheme_code
            and spine.insurer_number = delivered.insurer_number
            and spine.month = delivered.month
    where spine.is_member
),

contributions as (
    {% for indicator in [
        'claims_per_1000', 'inpatient_cost_per_member_month', 'outpatient_cost_per_member_month'
    ] -%}
    select
        '{{ indicator }}' as indicator_id,
        {{ place | join(', ') }},
        month,
        0 as numerator,
        1 as denominator
    from members
    union all
    {% endfor -%}
    {% for indicator, numerator, denominator in [
        ('claims_per_1000', 'claims_count', '0'),
        ('inpatient_cost_per_member_month', 'inpatient_yen', '0'),
        ('outpatient_cost_per_member_month', 'outpatient_yen', '0'),
        ('points_per_claim', 'points', 'claims_count'),
        ('days_per_claim', 'days_count', 'claims_count'),
    ] -%}
    select
        '{{ indicator }}' as indicator_id,
        {{ place | join(', ') }},
        month,
        {{ numerator }} as numerator,
        {{ denominator }} as denominator
    from of_persons
    {{ 'union all' if not loop.last }}
    {% endfor -%}
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
    from contributions
    where numerator <> 0 or denominator <> 0
)

select * from final
