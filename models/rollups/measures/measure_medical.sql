{#- Receipts by kind: 医科 (DPC among them), 歯科, 調剤, and all three together.

    Days are of 医科 and 歯科 alone: a 調剤 receipt has none. Members stand once for all figures over them (seed
    indicator_bases says which have the denominator of which). -#}
{%- set place = [
    'scheme_code', 'insurer_number', 'municipality_code', 'district_code', 'fiscal_year', 'sex_code', 'age_band_code',
    'person_id'
] -%}
{%- set per_member = [
    ('claims_per_1000', 'medical', 'claims_count'),
    ('inpatient_claims_per_1000', 'medical', 'inpatient_claims_count'),
    ('outpatient_claims_per_1000', 'medical', 'outpatient_claims_count'),
    ('inpatient_cost_per_member_month', 'medical', 'inpatient_yen'),
    ('outpatient_cost_per_member_month', 'medical', 'outpatient_yen'),
    ('dental_claims_per_1000', 'dental', 'claims_count'),
    ('dental_cost_per_member_month', 'dental', 'cost_yen'),
    ('pharmacy_claims_per_1000', 'pharmacy', 'claims_count'),
    ('pharmacy_cost_per_member_month', 'pharmacy', 'cost_yen'),
    ('total_cost_per_member_month', 'total', 'cost_yen'),
] -%}
{%- set members_of = [
    ('claims_per_1000', 'medical'),
    ('dental_cost_per_member_month', 'dental'),
    ('pharmacy_cost_per_member_month', 'pharmacy'),
    ('total_cost_per_member_month', 'total'),
] -%}
{%- set ratios = [
    ('points_per_claim', 'medical', 'points', 'claims_count'),
    ('points_per_day', 'medical', 'points', 'days_count'),
    ('days_per_claim', 'medical', 'days_count', 'claims_count'),
    ('days_per_inpatient_claim', 'medical', 'inpatient_days_count', 'inpatient_claims_count'),
    ('inpatient_claims_share', 'medical', 'inpatient_claims_count', '0'),
    ('outpatient_claims_share', 'medical', 'outpatient_claims_count', 'claims_count'),
    ('inpatient_cost_share', 'medical', 'inpatient_yen', 'cost_yen'),
    ('outpatient_cost_share', 'medical', 'outpatient_yen', 'cost_yen'),
    ('dental_days_per_claim', 'dental', 'days_count', 'claims_count'),
] -%}
{%- set sums = [
    'claims_count', 'inpatient_claims_count', 'outpatient_claims_count', 'inpatient_yen', 'outpatient_yen', 'cost_yen',
    'points', 'days_count', 'inpatient_days_count'
] -%}
with months as (
    select * from {{ ref('int_calendar__list_months') }}
),

receipts as (
    select
        *,
        case when claim_kind_code = 'dpc' then 'medical' else claim_kind_code end as kind_code
    from {{ ref('claim') }}
    where {{ is_counted_year('fiscal_year') }}
),

-- A 総括 receipt repeats the money and the days of its children, which are counted themselves.
of_kinds as (
    select
        {{ place | join(', ') }},
        service_month as month,
        kind_code,
        count(*) as claims_count,
        sum(case when is_inpatient then 1 else 0 end) as inpatient_claims_count,
        sum(case when is_inpatient then 0 else 1 end) as outpatient_claims_count,
        sum(case when is_inpatient then cost_yen else 0 end) as inpatient_yen,
        sum(case when is_inpatient then 0 else cost_yen end) as outpatient_yen,
        sum(cost_yen) as cost_yen,
        sum(points) as points,
        coalesce(sum(days_count), 0) as days_count,
        coalesce(sum(case when is_inpatient then days_count else 0 end), 0) as inpatient_days_count
    from receipts
    where not is_summary and service_month in (select month from months)
    group by {{ place | join(', ') }}, service_month, kind_code
),

-- A month that an insurer's receipts of a kind have not come for is missing, not zero: its members stay out of the
-- denominator. Of a total all kinds must have come, or a town whose pharmacies are late would look cheap.
came as (
    select distinct
        scheme_code,
        insurer_number,
        service_month as month,
        kind_code
    from receipts
),

whole as (
    select
        scheme_code,
        insurer_number,
        month
    from came
    group by scheme_code, insurer_number, month
    having count(*) = 3
),

delivered as (
    select
        scheme_code,
        insurer_number,
        month,
        kind_code
    from came
    union all
    select
        scheme_code,
        insurer_number,
        month,
        'total' as kind_code
    from whole
),

of_persons as (
    select
        {{ place | join(', ') }},
        month,
        kind_code,
        {{ sums | join(', ') }}
    from of_kinds
    union all
    select
        {% for column in place %}of_kinds.{{ column }}, {% endfor %}
        of_kinds.month,
        'total' as kind_code,
        {% for column in sums %}sum(of_kinds.{{ column }}) as {{ column }}{{ ', ' if not loop.last }}{% endfor %}
    from of_kinds
    inner join whole
        on
            of_kinds.scheme_code = whole.scheme_code
            and of_kinds.insurer_number = whole.insurer_number
            and of_kinds.month = whole.month
    group by {% for column in place %}of_kinds.{{ column }}, {% endfor %}of_kinds.month
),

members as (
    select
        {% for column in place %}spine.{{ column }}, {% endfor %}
        spine.month,
        delivered.kind_code
    from {{ ref('person_month') }} as spine
    inner join delivered
        on
            spine.scheme_code = delivered.scheme_code
            and spine.insurer_number = delivered.insurer_number
            and spine.month = delivered.month
    where spine.is_member and {{ is_counted_year('spine.fiscal_year') }}
),

contributions as (
    {% for indicator, kind in members_of -%}
    select
        '{{ indicator }}' as indicator_id,
        {{ place | join(', ') }},
        month,
        0 as numerator,
        1 as denominator
    from members
    where kind_code = '{{ kind }}'
    union all
    {% endfor -%}
    {% for indicator, kind, numerator in per_member -%}
    select
        '{{ indicator }}' as indicator_id,
        {{ place | join(', ') }},
        month,
        {{ numerator }} as numerator,
        0 as denominator
    from of_persons
    where kind_code = '{{ kind }}'
    union all
    {% endfor -%}
    {% for indicator, kind, numerator, denominator in ratios -%}
    select
        '{{ indicator }}' as indicator_id,
        {{ place | join(', ') }},
        month,
        {{ numerator }} as numerator,
        {{ denominator }} as denominator
    from of_persons
    where kind_code = '{{ kind }}'
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
